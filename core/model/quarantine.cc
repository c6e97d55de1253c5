#include "core/model/quarantine.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/runtime/base64.h"
#include "core/runtime/json.h"

namespace slicemill {
namespace {

constexpr std::string_view kRedrivenOpening = R"({"redriven":)";

}  // namespace

bool is_redriven_request(std::string_view request) {
  return request.starts_with(kRedrivenOpening);
}

std::string to_text(const RedrivenRequest& request) {
  Json records = Json::array();
  for (const auto& record : request.records) {
    records.push_back({{"place", record.place}, {"bytes", to_base64(record.bytes)}});
    if (!record.metadata.empty()) records.back()["metadata"] = record.metadata;
  }
  return to_compact_text(
      {{"redriven",
        {{"entry", request.entry.index}, {"operation", request.entry.operation}, {"records", std::move(records)}}}});
}

Result<RedrivenRequest> parse_redriven_request(std::string_view text) {
  const auto broken = [](std::string_view why) {
    return Error(ErrorCode::invalid, fmt::format("slice request of redriven records: {}", why), false);
  };
  const auto json = parse_json(text);
  if (!json) return broken(json.error().message);
  try {
    const Json& redriven = json->at("redriven");
    RedrivenRequest request;
    request.entry.index = redriven.at("entry").get<std::uint32_t>();
    request.entry.operation = redriven.at("operation").get<std::string>();
    for (const Json& record : redriven.at("records")) {
      auto bytes = from_base64(record.at("bytes").get_ref<const std::string&>());
      if (!bytes) return broken(bytes.error().message);
      request.records.push_back(
          {record.at("place").get<std::string>(), std::move(*bytes), record.value("metadata", std::string())});
    }
    return request;
  } catch (const nlohmann::json::exception& error) {
    return broken(error.what());
  }
}

}  // namespace slicemill
