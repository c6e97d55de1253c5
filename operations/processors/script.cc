#include "operations/processors/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/formats/byte_scan.h"
#include "core/model/asset_bundle.h"
#include "core/runtime/ids.h"
#include "core/runtime/log.h"
#include "core/runtime/piped_child.h"
#include "core/runtime/text.h"
#include "operations/processors/child_errors.h"
#include "operations/processors/child_framing.h"
#include "operations/processors/child_pump.h"
#include "operations/slice_place.h"

namespace slicemill {
namespace {

// A child that is no longer needed may tidy up so long after the end of its input.
constexpr std::chrono::milliseconds kFarewell{1000};

std::string argument_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_compact_text(value);
}

// Where the command is looked for: `asset_path`, or the files of the bundle `asset`; "" for PATH.
Result<std::string> command_directory(const OperationContext& context) {
  std::string directory = context.operation.options.value("asset_path", "");
  const std::string asset = context.operation.options.value("asset", "");
  if (!directory.empty() || asset.empty()) return directory;
  directory = context.asset_directory(asset);
  if (directory.empty())
    return Error(ErrorCode::not_found, fmt::format("asset {} is not among the assets of the job", asset), false);
  return directory;
}

Result<PipedChildSpec> child_spec(const OperationContext& context) {
  const Json& options = context.operation.options;
  PipedChildSpec spec;
  const auto command = options.at("command").get<std::string>();
  ASSIGN_OR_RETURN(const std::string asset_path, command_directory(context));
  ASSIGN_OR_RETURN(spec.program, find_program(command, asset_path));
  spec.arguments = {command};
  for (const auto& argument : options.value("args", Json::array())) spec.arguments.push_back(argument_text(argument));
  const Json more = options.value("options", Json::object());
  spec.directory = more.value("cwd", asset_path);
  if (more.contains("argv0")) spec.arguments[0] = more["argv0"].get<std::string>();
  const Json variables = more.value("env", Json::object());
  for (const auto& [name, value] : variables.items()) spec.environment.emplace_back(name, argument_text(value));
  return spec;
}

Result<void> check_spawn_options(const Json& options) {
  const auto found = options.find("options");
  if (found == options.end() || found->is_null()) return {};
  for (const auto& [name, value] : found->items()) {
    if (name == "cwd" || name == "argv0") {
      if (!value.is_string() || value.get_ref<const std::string&>().empty())
        return Error(ErrorCode::invalid, fmt::format("options.{} must be a text that is not empty", name));
    } else if (name == "env") {
      if (!value.is_object()) return Error(ErrorCode::invalid, "options.env must be an object");
      for (const auto& [variable, text] : value.items()) {
        if (variable.empty() || variable.find('=') != std::string::npos || text.is_structured() || text.is_null()) {
          return Error(ErrorCode::invalid,
                       fmt::format("options.env.{} must have a good name and a text, a number or a boolean", variable));
        }
      }
    } else {
      return Error(ErrorCode::invalid, fmt::format("options.{} is not supported; cwd, env and argv0 are", name));
    }
  }
  const auto cwd = found->find("cwd");
  if (cwd != found->end() && !cwd->get_ref<const std::string&>().starts_with('/'))
    return Error(ErrorCode::invalid, "options.cwd must be an absolute path");
  return {};
}

std::string search_path(const JobSpec& job) {
  for (const auto& [name, value] : job.environment)
    if (name == "PATH") return value;
  return {};
}

// Programs that run the file that is their first argument, unless that is an option.
bool takes_a_script(std::string_view command) {
  command.remove_prefix(command.rfind('/') + 1);  // npos + 1 is 0
  while (!command.empty() && (is_digit(command.back()) || command.back() == '.')) command.remove_suffix(1);
  constexpr std::string_view kInterpreters[] = {"python",  "node", "nodejs", "ruby", "perl", "php",       "lua",
                                                "Rscript", "sh",   "bash",   "dash", "zsh",  "busybox sh"};
  return std::find(std::begin(kInterpreters), std::end(kInterpreters), command) != std::end(kInterpreters);
}

// The script that an interpreter is to run; "" if the arguments do not say it for certain.
std::string script_argument(const Json& options) {
  if (!takes_a_script(options.at("command").get_ref<const std::string&>())) return "";
  for (const Json& argument : options.value("args", Json::array())) {
    const std::string text = argument_text(argument);
    if (!text.starts_with('-')) return text;
    if (text != "-u" && text != "-B" && text != "-s" && text != "-E") return "";  // it may be code, or take a value
  }
  return "";
}

Result<void> check_is_file(const std::string& path) {
  std::error_code failed;
  const auto found = std::filesystem::status(path, failed);
  if (std::filesystem::exists(found) && !std::filesystem::is_directory(found)) return {};
  return Error(ErrorCode::not_found,
               fmt::format("args: {} {}", path, std::filesystem::exists(found) ? "is a directory" : "does not exist"),
               false);
}

Result<void> check_script_argument(const Json& options, const std::string& directory, const PathRule& paths) {
  const std::string script = script_argument(options);
  if (script.empty()) return {};
  if (script.starts_with('/')) return check_is_file(script);
  if (!directory.empty()) return check_is_file(directory + "/" + script);
  const std::string absolute = (std::filesystem::path(paths.base) / script).lexically_normal().string();
  if (paths.allow_relative) return check_is_file(absolute);
  return Error(ErrorCode::invalid,
               fmt::format("args: \"{}\" is relative, and workers run where the master does; give it as \"{}\", or say "
                           "options.cwd",
                           script, absolute),
               false);
}

// What is wrong now would be wrong for every slice.
Result<void> check_programs(const Json& options, const JobScope& scope) {
  std::string directory = options.value("asset_path", "");
  const std::string asset = options.value("asset", "");
  if (directory.empty() && !asset.empty()) {
    const auto bundle = find_bundle(scope.job.bundles, asset);
    if (!bundle || bundle->directory.empty()) return {};  // its files are not here
    directory = bundle->directory;
  }
  const auto& command = options.at("command").get_ref<const std::string&>();
  auto found = find_program(command, directory);
  const std::string path = search_path(scope.job);
  if (!found && !path.empty() && find_program(command, directory, path)) found = std::string();
  if (!found) return with_context(found.error(), "command");
  const Json more = options.value("options", Json::object());
  return check_script_argument(options, more.value("cwd", directory), scope.paths);
}

// A run that is resumed from another directory finds its files where it found them first.
void place_script(Json& options, const PathRule& paths) {
  if (!paths.allow_relative || options.contains("asset") || options.contains("asset_path")) return;
  const std::string script = script_argument(options);
  if (script.empty() || script.starts_with('/')) return;
  Json& more = options["options"];
  if (!more.is_object()) more = Json::object();
  if (!more.contains("cwd")) more["cwd"] = paths.base;
}

Result<void> check_script(const Json& options) {
  RETURN_IF_ERROR(check_spawn_options(options));
  const auto& command = options.at("command").get_ref<const std::string&>();
  const bool is_relative = !command.starts_with('/') && command.find('/') != std::string::npos;
  if (is_relative && !options.contains("asset") && !options.contains("asset_path")) {
    return Error(ErrorCode::invalid,
                 "command must be an absolute path, the name of a program in PATH, or a file of an asset");
  }
  return {};
}

class Script final : public Processor {
 public:
  Script() : errors_([this](std::string_view line) { log(LogLevel::info, "{}: {}", name_, line); }) {}
  ~Script() override {
    if (!child_) return;
    child_->close_input();
    child_->end(kFarewell);
  }

  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(spec_, child_spec(context));
    name_ = fmt::format("{} {}", context.node(), context.operation.options.at("command").get<std::string>());
    framing_ = {.has_lengths = context.operation.options.value("framing", "lines") == "length",
                .is_little_endian = context.operation.options.value("byte_order", "big") == "little",
                .is_json = !context.operation.is_raw(),
                .mark = "slicemill-rejects-" + random_uuid()};
    spec_.environment.emplace_back("SLICEMILL_FRAMING", framing_.has_lengths ? "length" : "lines");
    spec_.environment.emplace_back("SLICEMILL_BYTE_ORDER", framing_.is_little_endian ? "little" : "big");
    spec_.environment.emplace_back("SLICEMILL_REJECT", framing_.mark);
    memory_limit_ = context.job.worker_memory_limit;
    timeout_ms_ = context.operation.options.value("timeout", std::int64_t{0});
    output_.emplace(framing_, rejecter_);
    return {};
  }

  Result<void> begin(const SliceContext& slice) override {
    request_of_slice_ = slice.request;
    unsent_ = {};
    requests_ = 0;
    phase_ = Phase::sending;
    output_->begin_slice();
    errors_.forget_tail();
    const bool has_spoken = child_ && pump_->has_output();  // the end of its output shows here too
    if (child_ && child_->exit()) stop_child();             // it ended between two slices
    if (child_ && has_spoken) return placed(too_many_frames());
    if (!child_) {
      auto started = PipedChild::start(spec_);
      if (!started) return placed(started.error());
      child_ = std::move(*started);
      pump_.emplace(*child_, errors_);
    }
    pump_->begin(timeout_ms_, slice.cancelled);
    return {};
  }

  Result<void> process(RecordBatch& batch) override {
    RETURN_IF_ERROR(write_request(framing_, batch, request_));
    unsent_ = request_;
    ++requests_;
    return exchange(batch);
  }

  Result<bool> more(RecordBatch& batch) override {
    if (phase_ == Phase::done || (phase_ == Phase::sending && unsent_.empty())) return false;
    RETURN_IF_ERROR(exchange(batch));
    return true;
  }

  Result<void> finish(RecordBatch& batch) override {
    phase_ = Phase::ending;
    if (framing_.has_lengths) {
      write_slice_end(request_);
      unsent_ = request_;
      ++requests_;
    } else {
      child_->close_input();
    }
    return exchange(batch);
  }

  void abandon() override { stop_child(); }

 private:
  enum class Phase { sending, ending, done };

  void stop_child() {
    pump_.reset();
    child_.reset();
  }

  // The error with the place that the slice's records come from.
  Error placed(Error error) const {
    const auto line_end = error.message.find('\n');
    const std::string place = request_of_slice_.empty() ? "" : fmt::format(" (in {})", slice_place(request_of_slice_));
    error.message.insert(std::min(line_end, error.message.size()), place);
    return error;
  }

  Result<void> exchange(RecordBatch& batch) {
    auto exchanged = exchange_bytes(batch);
    return exchanged ? exchanged : placed(exchanged.error());
  }

  // Gives the child what is unsent and fills the batch with what it says meanwhile; at the slice's end until it is
  // through or the batch is full.
  Result<void> exchange_bytes(RecordBatch& batch) {
    batch.clear();
    output_->attach(batch);
    const auto until = phase_ == Phase::sending ? ChildPump::Until::written : ChildPump::Until::some_read;
    while (!output_->room().empty()) {
      ASSIGN_OR_RETURN(const std::size_t got, pump_->exchange(unsent_, output_->room(), until));
      RETURN_IF_ERROR(output_->took(got, batch));
      if (framing_.has_lengths) RETURN_IF_ERROR(check_replies());
      if (phase_ == Phase::sending && unsent_.empty()) break;
      if (phase_ == Phase::sending) continue;
      if (framing_.has_lengths && output_->replies() == requests_) phase_ = Phase::done;
      if (!framing_.has_lengths && pump_->output_ended()) RETURN_IF_ERROR(conclude(batch));
      if (phase_ == Phase::done) break;
    }
    output_->detach(batch);
    if (phase_ == Phase::done && framing_.has_lengths && !output_->is_between_frames()) return too_many_frames();
    return {};
  }

  Result<void> check_replies() {
    if (output_->replies() > requests_) return too_many_frames();
    const bool is_through = phase_ == Phase::ending && output_->replies() == requests_;
    if (!is_through && pump_->output_ended()) return died();
    return {};
  }

  // The process of the slice has said all.
  Result<void> conclude(RecordBatch& batch) {
    RETURN_IF_ERROR(output_->end(batch));
    ASSIGN_OR_RETURN(const ProcessExit exit, pump_->wait_for_exit());
    phase_ = Phase::done;
    stop_child();
    if (exit.known && exit.code == 0 && exit.signal == 0) return {};
    return failure(exit, "");
  }

  static Error too_many_frames() { return {ErrorCode::invalid, "the child wrote more frames than it got", false}; }

  Error died() {
    child_->close_input();  // one that only closed its output ends now
    const auto exit = pump_->wait_for_exit();
    if (!exit) return exit.error();
    return failure(*exit, " before it had answered every frame of the slice");
  }

  Error failure(const ProcessExit& exit, std::string_view when) const {
    auto message = fmt::format("the child ended with {}{}", exit.to_text(), when);
    if (memory_limit_ > 0 && lacks_memory(exit))
      message += fmt::format(", maybe for lack of memory: resources_limits_memory is {} bytes", memory_limit_);
    const std::string_view tail = errors_.tail();
    if (tail.empty()) return {ErrorCode::io, message};
    // The last line says the most, as that of a traceback; all of them are in the worker's log as lines.
    const auto last = tail.rfind('\n');
    message += fmt::format(": {}", tail.substr(last == std::string_view::npos ? 0 : last + 1));
    if (last != std::string_view::npos) message += fmt::format("\nthe end of its stderr:\n{}", tail);
    return {ErrorCode::io, message};
  }

  bool lacks_memory(const ProcessExit& exit) const {
    if (exit.signal == SIGKILL) return true;
    for (const std::string_view words : {"MemoryError", "out of memory", "Cannot allocate memory", "bad_alloc"})
      if (errors_.tail().find(words) != std::string_view::npos) return true;
    return false;
  }

  std::string name_;
  PipedChildSpec spec_;
  ChildFraming framing_;
  std::int64_t timeout_ms_ = 0;
  std::int64_t memory_limit_ = 0;      // of the worker; 0: none
  std::string_view request_of_slice_;  // of the slice under way
  RecordRejecter rejecter_;
  ChildErrors errors_;
  std::unique_ptr<PipedChild> child_;
  std::optional<ChildPump> pump_;  // of child_
  std::optional<ChildOutput> output_;
  std::string request_;
  std::string_view unsent_;  // of request_
  std::uint64_t requests_ = 0;
  Phase phase_ = Phase::done;
};

std::vector<OptionSpec> script_options() {
  return {
      {.name = "command",
       .type = OptionType::text,
       .description = "The program: an absolute path, a name that is looked for in PATH, or a file of the asset.",
       .required = true,
       .is_code = true},
      {.name = "args",
       .type = OptionType::text_list,
       .description = "Its arguments.",
       .default_value = Json::array(),
       .is_code = true},
      {.name = "options",
       .type = OptionType::object,
       .description = "How the program is started: `cwd` (absolute; by default the asset's directory, else the "
                      "worker's), `env` (variables added to the worker's) and `argv0`.",
       .is_code = true},
      {.name = "asset",
       .type = OptionType::text,
       .description =
           "The bundle whose files hold the command, one of the job's assets: its name, or as the job writes it."},
      {.name = "asset_path",
       .type = OptionType::text,
       .description = "A directory in which the command is searched first, instead of an asset's.",
       .is_path = true},
      {.name = "framing",
       .type = OptionType::text,
       .description = "`lines`: a process per slice, its end of file is the slice's end. `length`: one process for all "
                      "slices of the worker, in frames with their length in front (docs/scripts.md).",
       .default_value = "lines",
       .choices = {"lines", "length"}},
      {.name = "byte_order",
       .type = OptionType::text,
       .description = "Byte order of the lengths.",
       .default_value = "big",
       .choices = {"big", "little"}},
      {.name = "timeout",
       .type = OptionType::duration_ms,
       .description = "Milliseconds that a slice may wait for the program in all. Then the program is killed, and the "
                      "slice fails and is tried again. 0: no limit.",
       .default_value = 0,
       .minimum = 0},
      {.name = "repeatable",
       .type = OptionType::boolean,
       .description = "Whether the program may run twice on a slice, even at the same time, because its output is its "
                      "only effect. Jobs with `speculation` need this.",
       .default_value = false},
  };
}

}  // namespace

OperationEntry script_operation() {
  OperationSchema schema;
  schema.name = "script";
  schema.kind = OperationKind::processor;
  schema.description =
      "Sends records as lines of JSON through another program and goes on with the lines that the program writes. A "
      "program that ends with a code other than 0, or by a signal, fails the slice.";
  schema.options = script_options();
  schema.repeatable = false;
  schema.loses_metadata = true;
  schema.check = check_script;
  schema.check_job = check_programs;
  schema.place = place_script;
  return {std::move(schema), [] { return std::make_unique<Script>(); }};
}

}  // namespace slicemill
