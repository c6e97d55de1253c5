#include "core/ledger/sink_progress.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/model/job_spec.h"

namespace slicemill {
namespace {

std::optional<std::int64_t> integer_in(const Json& object, const char* member) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(member);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::optional<std::int64_t> integer_in(const std::string& text, const char* member) {
  const auto json = parse_json(text);
  return json ? integer_in(*json, member) : std::nullopt;
}

std::string name_of_sink(const Plan& plan, std::size_t node) {
  const Json& options = plan.operation(node).options;
  const auto path = options.find("path");
  return path != options.end() && path->is_string() ? path->get<std::string>() : plan.label(node);
}

// Where the numbers of one slicer are not done any more: what it has not cut yet, or the first slice that is not
// completed.
std::optional<std::int64_t> end_of_done(std::uint32_t slicer, const SlicerPosition& position,
                                        const SourceProgress& progress) {
  auto end = integer_in(position.position, "next");
  if (!end) return std::nullopt;
  for (const auto& [of, request] : progress.first_open) {
    const auto start = of == slicer ? integer_in(request, "start") : std::nullopt;
    if (start) end = std::min(*end, *start);
  }
  return end;
}

// Each slicer has a part of the range, in their order; a hole in one ends what is done, whatever the next ones did.
std::optional<std::int64_t> end_of_done(std::int64_t start, const SourceProgress& progress) {
  std::int64_t end = start;
  std::uint32_t expected = 0;
  for (const auto& [slicer, position] : progress.positions) {
    if (slicer != expected++) break;  // the one before has given nothing yet
    const auto part = end_of_done(slicer, position, progress);
    if (!part) return std::nullopt;
    end = *part;
    if (!position.finished || integer_in(position.position, "next") != part) break;
  }
  return end;
}

std::uint64_t files_of(const OutputFacts& facts) {
  return std::max<std::uint64_t>(1, facts.parts.size());
}

template <typename Ledger>
Result<std::vector<SinkView>> progress_of(const Ledger& ledger) {
  const LedgerHeader& header = ledger.header();
  ASSIGN_OR_RETURN(const JobSpec job, parse_job_spec(header.execution));
  if (job.plan.empty()) return std::vector<SinkView>();
  std::vector<SinkView> sinks;
  for (const std::size_t node : job.plan.sinks()) sinks.push_back({.sink = name_of_sink(job.plan, node)});
  RETURN_IF_ERROR(ledger.for_each_output([&](const CommittedOutput& output) -> Result<void> {
    for (std::uint32_t number = 0; number < sinks.size(); ++number) {
      const OutputFacts* const facts = output_of_sink(output.facts, number);
      if (facts == nullptr) continue;
      sinks[number].files += files_of(*facts);
      sinks[number].bytes += facts->bytes;
    }
    return {};
  }));
  if (header.joined && header.joined->published) {
    for (std::uint32_t number = 0; number < sinks.size(); ++number) {
      const OutputFacts* const facts = output_of_sink(header.joined->facts, number);
      if (facts == nullptr) continue;
      sinks[number].files = files_of(*facts);
      sinks[number].bytes = facts->bytes;
    }
  }
  if (job.plan.sources().size() > 1) return sinks;  // numbers of several sources are no range
  const Json& reading = job.plan.nodes.front().operation.options;
  const auto start = integer_in(reading, "start");
  if (!start || !integer_in(reading, "end")) return sinks;
  ASSIGN_OR_RETURN(const SourceProgress progress, ledger.source_progress());
  const auto end = end_of_done(*start, progress);
  if (!end || *end <= *start) return sinks;
  for (SinkView& sink : sinks) {
    sink.first = start;
    sink.last = *end - 1;
  }
  return sinks;
}

}  // namespace

Result<std::vector<SinkView>> sink_progress(const SliceLedger& ledger) {
  return progress_of(ledger);
}
Result<std::vector<SinkView>> sink_progress(const LedgerView& ledger) {
  return progress_of(ledger);
}

Json sink_progress_json(const std::vector<SinkView>& sinks) {
  Json list = Json::array();
  for (const SinkView& sink : sinks)
    list.push_back({{"sink", sink.sink},
                    {"files", sink.files},
                    {"bytes", sink.bytes},
                    {"first", sink.first ? Json(*sink.first) : Json()},
                    {"last", sink.last ? Json(*sink.last) : Json()}});
  return list;
}

Result<std::vector<SinkView>> parse_sink_progress(const std::string& text) {
  ASSIGN_OR_RETURN(const Json list, parse_json(text));
  std::vector<SinkView> sinks;
  for (const Json& item : list) {
    const auto files = integer_in(item, "files");
    const auto bytes = integer_in(item, "bytes");
    if (!files || !bytes || !item.contains("sink") || !item["sink"].is_string())
      return Error(ErrorCode::internal, "the progress of a sink lacks a member");
    sinks.push_back({item["sink"].get<std::string>(), static_cast<std::uint64_t>(*files),
                     static_cast<std::uint64_t>(*bytes), integer_in(item, "first"), integer_in(item, "last")});
  }
  return sinks;
}

}  // namespace slicemill
