#include "runtimes/docker/container_spec.h"

#include <fmt/core.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/runtime/ascii.h"
#include "core/runtime/text.h"

namespace slicemill::docker {
namespace {

// Modes that stand where a network could: they have no addresses of their own.
constexpr std::string_view kNoNetwork = "none";
constexpr std::string_view kHostNetwork = "host";

constexpr double kNano = 1e9;
constexpr double kMostBytes = 9.2e18;

Error bad_spec(std::string message) {
  return {ErrorCode::invalid, std::move(message), false};
}

std::string_view type_word(MountSpec::Type type) {
  switch (type) {
    case MountSpec::Type::volume:
      return "volume";
    case MountSpec::Type::bind:
      return "bind";
    case MountSpec::Type::tmpfs:
      return "tmpfs";
  }
  return "";
}

Result<Json> gpu_request(std::string_view gpus) {
  constexpr std::string_view kDevice = "device=";
  Json request = {{"Capabilities", Json::array({Json::array({"gpu"})})}};
  if (gpus == "all") {
    request["Count"] = -1;
  } else if (gpus.starts_with(kDevice) && gpus.size() > kDevice.size()) {
    request["DeviceIDs"] = split(gpus.substr(kDevice.size()), ',');
  } else {
    const auto count = parse_integer(gpus);
    if (!count || *count < 1) return bad_spec(fmt::format("gpus: {} is not all, a number, or device=...", gpus));
    request["Count"] = *count;
  }
  return request;
}

// The number at the head of a text, which it takes away; no sign and no exponent.
Result<double> take_decimal(std::string_view& text) {
  const auto size = std::min(text.find_first_not_of("0123456789."), text.size());
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + size, number, std::chars_format::fixed);
  if (size == 0 || read.ec != std::errc() || read.ptr != text.data() + size) return bad_spec("this is no number");
  text.remove_prefix(size);
  return number;
}

}  // namespace

Result<Json> creation_body(const ContainerSpec& spec) {
  Json body = {{"Image", spec.image}};
  if (!spec.command.empty()) body["Cmd"] = spec.command;
  if (!spec.entrypoint.empty()) body["Entrypoint"] = spec.entrypoint;
  if (!spec.environment.empty()) body["Env"] = spec.environment;
  if (!spec.working_directory.empty()) body["WorkingDir"] = spec.working_directory;
  if (!spec.labels.empty()) body["Labels"] = spec.labels;
  Json host = Json::object();
  for (const auto& mount : spec.mounts) {
    Json one = {{"Type", type_word(mount.type)}, {"Target", mount.target}};
    if (!mount.source.empty()) one["Source"] = mount.source;
    if (mount.is_read_only) one["ReadOnly"] = true;
    host["Mounts"].push_back(std::move(one));
  }
  if (spec.nano_cpus > 0) host["NanoCpus"] = spec.nano_cpus;
  if (spec.memory > 0) host["Memory"] = spec.memory;
  if (!spec.gpus.empty()) {
    ASSIGN_OR_RETURN(auto request, gpu_request(spec.gpus));
    host["DeviceRequests"] = Json::array({std::move(request)});
  }
  if (!spec.networks.empty()) {
    host["NetworkMode"] = spec.networks.front();
    for (const auto& network : spec.networks) {
      if (network == kNoNetwork || network == kHostNetwork) continue;
      auto& endpoints = body["NetworkingConfig"]["EndpointsConfig"];
      endpoints[network] = Json::object();
      if (!spec.aliases.empty()) endpoints[network]["Aliases"] = spec.aliases;
    }
  }
  if (!host.empty()) body["HostConfig"] = std::move(host);
  return body;
}

Result<std::int64_t> nano_cpus_of(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  const double nano = number ? std::round(*number * kNano) : 0;
  if (!number || !rest.empty() || nano < 1 || nano > kMostBytes)
    return bad_spec(fmt::format("cpus: {} is no number of processors", text));
  return static_cast<std::int64_t>(nano);
}

Result<std::int64_t> memory_of(std::string_view text) {
  constexpr std::string_view kUnits = "kmgtp";
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  double bytes = number ? *number : -1;
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  if (!rest.empty()) {
    if (const auto unit = kUnits.find(lower(rest[0])); unit != kUnits.npos) {
      bytes *= std::pow(1024.0, static_cast<double>(unit + 1));
      rest.remove_prefix(1);
      if (is_same_word(rest.substr(0, 1), "i")) rest.remove_prefix(1);
    }
    if (is_same_word(rest.substr(0, 1), "b")) rest.remove_prefix(1);
  }
  if (!rest.empty() || bytes < 0 || bytes > kMostBytes)
    return bad_spec(fmt::format("memory: {} is no size such as 512m or 1.5g", text));
  return static_cast<std::int64_t>(bytes);
}

}  // namespace slicemill::docker
