#include "core/model/launch.h"

#include <unistd.h>

#include <array>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/ids.h"

namespace slicemill {
namespace {

// Every setting by its name: one list for both directions.
constexpr std::array<std::pair<const char*, std::int64_t ExecutionSettings::*>, 8> kSettings = {{
    {"slicer_timeout", &ExecutionSettings::slicer_timeout_ms},
    {"worker_disconnect_timeout", &ExecutionSettings::worker_disconnect_timeout_ms},
    {"shutdown_timeout", &ExecutionSettings::shutdown_timeout_ms},
    {"beat", &ExecutionSettings::beat_ms},
    {"lease", &ExecutionSettings::lease_ms},
    {"reattach", &ExecutionSettings::reattach_ms},
    {"min_status", &ExecutionSettings::min_status_ms},
    {"retry_base", &ExecutionSettings::retry_base_ms},
}};

}  // namespace

Json to_json(const ExecutionSettings& settings) {
  Json json = Json::object();
  for (const auto& [name, member] : kSettings) json[name] = settings.*member;
  return json;
}

Result<ExecutionSettings> execution_settings_from_json(const Json& json) {
  ExecutionSettings settings;
  for (const auto& [name, member] : kSettings) {
    const auto found = json.find(name);
    if (found == json.end()) continue;
    if (!found->is_number_integer())
      return Error(ErrorCode::invalid, fmt::format("setting {} must be an integer (milliseconds)", name));
    settings.*member = found->get<std::int64_t>();
  }
  return settings;
}

Json ControllerLaunch::to_json() const {
  return Json{{"ex_id", ex_id},
              {"job_id", job_id},
              {"epoch", epoch},
              {"job", slicemill::to_json(job)},
              {"ledger_directory", ledger_directory},
              {"ledger_was_made", ledger_was_made},
              {"master_notes_ledger", master_notes_ledger},
              {"source_ledger_directory", source_ledger_directory},
              {"cleanup", slicemill::to_string(cleanup)},
              {"master_endpoint", master_endpoint},
              {"controller_endpoint", controller_endpoint},
              {"controller_public_key", controller_public_key},
              {"controller_secret_key", controller_secret_key},
              {"marker_directory", marker_directory},
              {"log_path", log_path},
              {"living_workers", living_workers},
              {"settings", slicemill::to_json(settings)}};
}

Result<ControllerLaunch> ControllerLaunch::from_json(const Json& json) {
  try {
    ControllerLaunch launch;
    launch.ex_id = json.at("ex_id").get<std::string>();
    launch.job_id = json.at("job_id").get<std::string>();
    launch.epoch = json.at("epoch").get<std::uint64_t>();
    ASSIGN_OR_RETURN(launch.job, job_spec_from_json(json.at("job")));
    launch.ledger_directory = json.at("ledger_directory").get<std::string>();
    launch.ledger_was_made = json.value("ledger_was_made", false);
    launch.master_notes_ledger = json.value("master_notes_ledger", false);
    launch.source_ledger_directory = json.at("source_ledger_directory").get<std::string>();
    const auto cleanup = json.at("cleanup").get<std::string>();
    for (const auto type :
         {CleanupType::none, CleanupType::errors, CleanupType::pending, CleanupType::all, CleanupType::quarantine})
      if (slicemill::to_string(type) == cleanup) launch.cleanup = type;
    launch.master_endpoint = json.at("master_endpoint").get<std::string>();
    launch.controller_endpoint = json.at("controller_endpoint").get<std::string>();
    launch.controller_public_key = json.value("controller_public_key", "");
    launch.controller_secret_key = json.value("controller_secret_key", "");
    // The second name: of a master that still runs while the programs beside it are newer ones.
    launch.marker_directory = json.value("marker_directory", json.value("begun_directory", ""));
    launch.log_path = json.at("log_path").get<std::string>();
    launch.living_workers = json.at("living_workers").get<std::uint32_t>();
    ASSIGN_OR_RETURN(launch.settings, execution_settings_from_json(json.at("settings")));
    return launch;
  } catch (const nlohmann::json::exception& error) {
    return Error(ErrorCode::invalid, fmt::format("launch file: {}", error.what()));
  }
}

std::string controller_last_words(std::int64_t pid) {
  return fmt::format("slicemill-controller[{}]: ", pid);
}

DataLayout DataLayout::of(const std::string& data_directory) {
  return of(data_directory, derived_uuid("data directory", data_directory).substr(0, 8));
}

DataLayout DataLayout::of(const std::string& data_directory, const std::string& digits) {
  return {data_directory, fmt::format("/tmp/slicemill-{}-{}", getuid(), digits)};
}

}  // namespace slicemill
