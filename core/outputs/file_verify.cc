// Comparing what is stored with what the ledger says, by reading it all again.
#include <algorithm>
#include <map>
#include <utility>

#include "core/outputs/file_publisher.h"
#include "core/outputs/stored_file.h"

namespace slicemill {

namespace {

constexpr std::size_t kListed = 1000;

void note(std::vector<std::string>& names, std::uint64_t& count, std::string name) {
  ++count;
  if (names.size() < kListed) names.push_back(std::move(name));
}

std::string_view file_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

// The slice's id in the name tells who bore it: only whole slices of this lineage are ours.
bool FilePublisher::is_of_this_lineage(std::string_view name) const {
  const auto published = parse_published_name(name);
  if (!published) return false;
  for (std::size_t generation = 0; generation < lineage_.size(); ++generation) {
    const SliceKey key{static_cast<std::uint16_t>(generation), published->slicer, published->order,
                       SliceKey::kWholeSlice};
    if (slice_id(lineage_[generation], key) == published->slice_id) return true;
  }
  return false;
}

Result<void> FilePublisher::verify_files(const OutputSource& outputs, VerifyReport& report) {
  const std::string directory = layout_.publish_directory();
  std::vector<std::string> names;
  auto listed = files_.list(directory);
  if (listed) {
    names = std::move(*listed);
  } else if (listed.error().code != ErrorCode::not_found) {
    return listed.error();
  }
  std::vector<bool> is_known(names.size(), false);

  const auto compare = [&](const CommittedOutput& output) -> Result<void> {
    if (!output.facts.present) return {};
    ++report.expected;
    if (output.key.generation >= lineage_.size())
      return Error(ErrorCode::internal, "an output's generation is not in the lineage");
    std::string name = final_name(output);
    const auto found = std::lower_bound(names.begin(), names.end(), name);
    if (found == names.end() || *found != name) {
      note(report.missing, report.missing_count, std::move(name));
      return {};
    }
    is_known[static_cast<std::size_t>(found - names.begin())] = true;
    ASSIGN_OR_RETURN(const bool is_same, is_stored_file(files_, directory + "/" + name, output.facts));
    if (!is_same) {
      note(report.altered, report.altered_count, std::move(name));
      return {};
    }
    ++report.matching;
    report.records += output.facts.records;
    report.bytes += output.facts.bytes;
    return {};
  };
  RETURN_IF_ERROR(outputs(compare));

  // A name that the ledger does not know is ours if it would name a slice of this lineage, or bears the id of one that
  // has an output.
  std::map<std::string, std::string, std::less<>> unknown;  // slice id -> name
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (is_known[i]) continue;
    if (is_of_this_lineage(names[i])) {
      note(report.extra, report.extra_count, names[i]);
    } else if (const auto published = parse_published_name(names[i])) {
      unknown.emplace(published->slice_id, names[i]);
    }
  }
  if (unknown.empty()) return {};
  return outputs([&](const CommittedOutput& output) -> Result<void> {
    const auto copy = unknown.find(slice_id(lineage_[output.key.generation], output.key));
    if (copy != unknown.end()) note(report.extra, report.extra_count, copy->second);
    return {};
  });
}

Result<void> FilePublisher::verify_joined(const OutputFacts& facts, VerifyReport& report) {
  report.expected = 1;
  std::string name(file_name(layout_.final_path));
  auto is_same = is_stored_file(files_, layout_.final_path, facts);
  if (!is_same && is_same.error().code == ErrorCode::not_found) {
    note(report.missing, report.missing_count, std::move(name));
    return {};
  }
  if (!is_same) return is_same.error();
  if (!*is_same) {
    note(report.altered, report.altered_count, std::move(name));
    return {};
  }
  report.matching = 1;
  report.records = facts.records;
  report.bytes = facts.bytes;
  return {};
}

Result<VerifyReport> FilePublisher::verify(const OutputSource& outputs, const std::optional<JoinRecord>& joined) {
  VerifyReport report;
  // Until the joined file has its name, the parts are what there is.
  if (layout_.single_file && joined && joined->published) {
    RETURN_IF_ERROR(verify_joined(joined->facts, report));
  } else {
    RETURN_IF_ERROR(verify_files(outputs, report));
  }
  return report;
}

}  // namespace slicemill
