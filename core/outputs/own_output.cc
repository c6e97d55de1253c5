#include "core/outputs/own_output.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>

#include "core/formats/path_glob.h"
#include "core/outputs/file_publisher.h"
#include "core/outputs/routing.h"
#include "core/outputs/subdirectory.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr int kSamples = 64;  // of names that hold a hash: a pattern that matches one of 16 letters meets it

// Links are followed as far as the path exists.
std::string real_path(const std::string& path) {
  std::error_code failed;
  const auto real = std::filesystem::weakly_canonical(path, failed);
  std::string text = failed ? path : real.string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

std::string name_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string joined(const std::vector<std::string>& components, std::size_t from, std::size_t to) {
  std::string path;
  for (std::size_t i = from; i < to; ++i) path.append("/").append(components[i]);
  return path.empty() ? "/" : path;
}

// Whether the pattern of names takes the path: these directories, so many more of any name, and the file.
bool takes_below(std::span<const std::string> pattern, std::span<const std::string> directories, std::size_t any,
                 const std::string& name) {
  const bool is_at_file = directories.empty() && any == 0;
  if (pattern.empty()) return false;
  const auto step = [&](std::span<const std::string> rest) {
    return directories.empty() ? takes_below(rest, directories, any - 1, name)
                               : takes_below(rest, directories.subspan(1), any, name);
  };
  if (pattern[0] == kAnyDepth)
    return pattern.size() == 1 || takes_below(pattern.subspan(1), directories, any, name) ||
           (!is_at_file && step(pattern));
  if (is_at_file) return pattern.size() == 1 && component_matches(pattern[0], name);
  return (directories.empty() || component_matches(pattern[0], directories[0])) && step(pattern.subspan(1));
}

bool pattern_takes(const std::string& input, const PublishedFiles& published) {
  const auto pattern = path_components(input);
  const auto special =
      static_cast<std::size_t>(std::find_if(pattern.begin(), pattern.end(), has_glob) - pattern.begin());
  const auto base = path_components(real_path(joined(pattern, 0, special)));
  auto directory = path_components(real_path(published.directory));
  if (directory.size() < base.size() || !std::equal(base.begin(), base.end(), directory.begin())) return false;
  directory.erase(directory.begin(), directory.begin() + static_cast<std::ptrdiff_t>(base.size()));
  const std::vector<std::string> rest(pattern.begin() + static_cast<std::ptrdiff_t>(special), pattern.end());
  return std::any_of(published.names.begin(), published.names.end(), [&](const std::string& name) {
    if (published.depth > 0) return takes_below(rest, directory, published.depth, name);
    auto path = directory;
    path.push_back(name);
    return glob_matches(rest, path);
  });
}

PublishedFiles published_by(const FileLayout& layout, std::size_t depth) {
  PublishedFiles published{layout.replaces_directory() ? layout.final_path : layout.root, depth, {}};
  if (layout.single_file) {
    published.names.push_back(name_of(layout.final_path));
    return published;
  }
  for (int i = 0; i < kSamples; ++i) {
    const SliceKey key{.order = static_cast<std::uint64_t>(1 + i * i * i)};
    const std::string id = slice_id("sample", key);
    published.names.push_back(layout.final_name(id, key, {.request_hash = request_hash(id)}));
  }
  return published;
}

bool takes_unrouted(const OperationSpec& operation) {
  const auto given = operation.options.find(kRoutingOption);
  const auto routing = given != operation.options.end() ? Routing::parse(*given) : Result<Routing>(Error());
  return routing && routing->takes_unrouted();
}

// The input is read, or may be, where this appears.
bool takes(const std::string& input, const PublishedFiles& published) {
  std::error_code failed;
  const auto kind = std::filesystem::status(input, failed).type();
  const bool is_there = kind != std::filesystem::file_type::not_found && kind != std::filesystem::file_type::none;
  if (!is_there && has_glob(input)) return pattern_takes(input, published);
  const bool is_single = published.names.size() == 1;
  return published.may_be_in(input) ||
         (is_single && real_path(input) == real_path(published.directory + "/" + published.names[0]));
}

}  // namespace

bool PublishedFiles::match(const std::string& pattern) const {
  return pattern.empty() || std::any_of(names.begin(), names.end(),
                                        [&](const std::string& name) { return component_matches(pattern, name); });
}

bool PublishedFiles::may_be_in(const std::string& other_directory) const {
  const auto own = path_components(real_path(directory));
  const auto other = path_components(real_path(other_directory));
  return other.size() == own.size() + depth && std::equal(own.begin(), own.end(), other.begin());
}

std::vector<PublishedFiles> published_files(const JobSpec& job) {
  std::vector<PublishedFiles> all;
  const auto sinks = job.plan.sinks();
  for (std::uint32_t sink = 0; sink < sinks.size(); ++sink) {
    const auto layout = exported_layout(job.plan, sink, "");
    if (!layout || !*layout) continue;  // its own check says what is wrong
    const auto subdirectory = Subdirectory::parse((*layout)->subdirectory);
    const std::size_t depth = subdirectory ? subdirectory->depth() : 0;
    all.push_back(published_by(**layout, depth));
    const bool has_route = subdirectory && subdirectory->has_route();
    if (has_route && takes_unrouted(job.plan.operation(sinks[sink]))) all.push_back(published_by(**layout, depth - 1));
  }
  return all;
}

Error own_output_error(const std::string& input, const std::string& output) {
  return Error(ErrorCode::invalid,
               fmt::format("{} would be read again by the job that writes there: its output would appear in {}. Write "
                           "elsewhere, or read with a pattern that leaves the output out",
                           printable(output), printable(input)),
               false);
}

Result<void> check_own_output(const std::string& input, const JobSpec& job) {
  for (const PublishedFiles& published : published_files(job))
    if (takes(input, published)) return own_output_error(input, published.directory);
  return {};
}

}  // namespace slicemill
