// Comparing what is stored with what the ledger says, by reading it all again.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/outputs/file_publisher.h"
#include "core/outputs/stored_file.h"
#include "core/outputs/subdirectory.h"

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

namespace {

// What is in a directory that outputs were published to.
struct PublishedDirectory {
  std::vector<std::string> names;
  std::vector<bool> is_known;  // by the ledger, as names
};

Result<std::vector<std::string>> names_in(Files& files, const std::string& directory) {
  auto listed = files.list(directory);
  if (!listed && listed.error().code == ErrorCode::not_found) return std::vector<std::string>();
  return listed;
}

class Comparison {
 public:
  Comparison(Files& files, std::string own_directory, VerifyReport& report)
      : files_(files), own_directory_(std::move(own_directory)), report_(report) {}

  Result<void> compare(const std::string& directory, const std::string& name, const OutputFacts& facts) {
    ++report_.expected;
    ASSIGN_OR_RETURN(PublishedDirectory * there, find(directory));
    const auto found = std::lower_bound(there->names.begin(), there->names.end(), name);
    if (found == there->names.end() || *found != name) {
      note(report_.missing, report_.missing_count, shown(directory, name));
      return {};
    }
    there->is_known[static_cast<std::size_t>(found - there->names.begin())] = true;
    ASSIGN_OR_RETURN(const bool is_same, is_stored_file(files_, directory + "/" + name, facts));
    if (!is_same) {
      note(report_.altered, report_.altered_count, shown(directory, name));
      return {};
    }
    ++report_.matching;
    report_.records += facts.records;
    report_.bytes += facts.bytes;
    return {};
  }

  template <typename Visit>
  void for_each_unknown(const Visit& visit) const {
    for (const auto& [path, directory] : directories_)
      for (std::size_t i = 0; i < directory.names.size(); ++i)
        if (!directory.is_known[i]) visit(directory.names[i], shown(path, directory.names[i]));
  }

  Result<PublishedDirectory*> find(const std::string& path) {
    if (const auto known = directories_.find(path); known != directories_.end()) return &known->second;
    ASSIGN_OR_RETURN(auto names, names_in(files_, path));
    std::vector<bool> is_known(names.size(), false);
    return &directories_.emplace(path, PublishedDirectory{std::move(names), std::move(is_known)}).first->second;
  }

  // All directories that are so many levels below this one, whether the ledger knows them or not.
  Result<void> find_below(const std::string& path, std::size_t levels) {
    if (levels == 0) {
      if (const auto found = find(path); !found) return found.error();
      return {};
    }
    auto entries = files_.list_entries(path);
    if (!entries && entries.error().code == ErrorCode::not_found) return {};
    if (!entries) return entries.error();
    for (const DirectoryEntry& entry : *entries) {
      if (entry.kind == FileKind::directory && !entry.name.starts_with('.'))
        RETURN_IF_ERROR(find_below(path + "/" + entry.name, levels - 1));
    }
    return {};
  }

 private:
  // With the directory if that is not the job's present one; below that without its path.
  std::string shown(const std::string& directory, const std::string& name) const {
    if (directory == own_directory_) return name;
    const bool is_below = directory.starts_with(own_directory_) && directory[own_directory_.size()] == '/';
    return (is_below ? directory.substr(own_directory_.size() + 1) : directory) + "/" + name;
  }

  Files& files_;
  const std::string own_directory_;
  VerifyReport& report_;
  std::map<std::string, PublishedDirectory> directories_;  // by path
};

// The layouts of the lineage's jobs, by the last epoch of each.
using FormerLayouts = std::map<std::uint64_t, FileLayout>;

Result<FormerLayouts> layouts_of(const std::vector<FormerJob>& former, std::uint32_t sink,
                                 const std::string& lineage_id) {
  FormerLayouts layouts;
  for (const FormerJob& earlier : former) {
    ASSIGN_OR_RETURN(auto layout, exported_layout(earlier.job.plan, sink, lineage_id));
    if (layout && !layout->single_file && !layout->replaces) layouts.emplace(earlier.last_epoch, std::move(*layout));
  }
  return layouts;
}

}  // namespace

Result<void> FilePublisher::verify_files(const OutputSource& outputs, const std::vector<FormerJob>& former,
                                         VerifyReport& report) {
  const std::string own_directory = publish_directory();
  ASSIGN_OR_RETURN(const FormerLayouts layouts, layouts_of(former, sink_, lineage_.front()));
  Comparison comparison(files_, own_directory, report);
  if (const auto own = comparison.find(own_directory); !own) return own.error();
  ASSIGN_OR_RETURN(const Subdirectory subdirectory, Subdirectory::parse(layout_.subdirectory));
  RETURN_IF_ERROR(comparison.find_below(own_directory, subdirectory.depth()));
  if (subdirectory.has_route()) RETURN_IF_ERROR(comparison.find_below(own_directory, subdirectory.depth() - 1));
  RETURN_IF_ERROR(outputs([&](const CommittedOutput& output) -> Result<void> {
    if (!output.facts.present) return {};
    if (output.key.generation >= lineage_.size())
      return Error(ErrorCode::internal, "an output's generation is not in the lineage");
    const auto earlier = layouts.lower_bound(output.attempt.epoch);
    const bool is_present = earlier == layouts.end() || layout_.single_file || layout_.replaces;
    const FileLayout& layout = is_present ? layout_ : earlier->second;
    const std::string directory = is_present ? own_directory : layout.publish_directory();
    const std::string name =
        layout.final_name(slice_id(lineage_[output.key.generation], output.key), output.key, output.facts);
    return visit_files(output.facts, [&](std::string_view place, const OutputFacts& facts) {
      return comparison.compare(place.empty() ? directory : fmt::format("{}/{}", directory, place), name, facts);
    });
  }));

  // A name that the ledger does not know is ours if it would name a slice of this lineage, or bears the id of one that
  // has an output.
  std::multimap<std::string, std::string, std::less<>> unknown;  // slice id -> name as shown
  comparison.for_each_unknown([&](const std::string& name, std::string shown) {
    if (is_of_this_lineage(name)) {
      note(report.extra, report.extra_count, std::move(shown));
    } else if (const auto published = parse_published_name(name)) {
      unknown.emplace(published->slice_id, std::move(shown));
    }
  });
  if (unknown.empty()) return {};
  return outputs([&](const CommittedOutput& output) -> Result<void> {
    const auto copies = unknown.equal_range(slice_id(lineage_[output.key.generation], output.key));
    for (auto copy = copies.first; copy != copies.second; ++copy) note(report.extra, report.extra_count, copy->second);
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

Result<VerifyReport> FilePublisher::verify(const OutputSource& outputs, const std::optional<JoinRecord>& joined,
                                           const std::vector<FormerJob>& former) {
  VerifyReport report;
  is_published_ = joined && joined->published;
  // Until the joined file has its name, the parts are what there is.
  if (layout_.single_file && joined && joined->published) {
    RETURN_IF_ERROR(verify_joined(joined->facts, report));
  } else {
    RETURN_IF_ERROR(verify_files(outputs, former, report));
  }
  return report;
}

}  // namespace slicemill
