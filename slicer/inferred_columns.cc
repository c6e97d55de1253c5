#include "slicer/inferred_columns.h"

#include <fmt/format.h>

#include <utility>

#include "core/runtime/byte_stream.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"
#include "slicer/file_list.h"

namespace slicemill {
namespace {

constexpr std::size_t kMostSampledFiles = 16;

struct Sampled {
  TypeSample sample;
  std::string first_file{};  // that had rows
};

// may_grow: a last row without an end is perhaps still being written.
Result<Sampled> sample_files(Files& files, const FileReading& reading, std::span<const std::string> paths,
                             bool may_grow) {
  Sampled sampled{TypeSample(reading)};
  std::size_t looked_at = 0;
  for (const std::string& path : paths) {
    if (sampled.sample.is_enough() || looked_at == kMostSampledFiles) break;
    const auto stat = files.stat(path);
    if (!stat || stat->kind != FileKind::regular || stat->size == 0) continue;
    ++looked_at;
    const auto beginning = read_beginning(files, reading, path);
    if (!beginning && beginning.error().code == ErrorCode::io) return beginning.error();
    if (!beginning) continue;
    std::string_view text = beginning->view();
    if (may_grow) text = text.substr(0, text.find_last_of("\r\n") + 1);  // npos + 1 is 0
    (void)sampled.sample.take(text, beginning->is_all || may_grow);      // what is wrong with it its reader says
    if (sampled.first_file.empty() && sampled.sample.rows() > 0) sampled.first_file = path;
  }
  return sampled;
}

std::string found_text(const Sampled& sampled) {
  const auto rows = sampled.sample.rows();
  return fmt::format("{}; inferred from {} row{} of {}", sampled.sample.to_text(), rows, rows == 1 ? "" : "s",
                     printable(sampled.first_file));
}

}  // namespace

Result<InferredColumns> InferredColumns::open(const FileReading& reading, const Json& position) {
  InferredColumns columns;
  if (!reading.infers_types()) return columns;
  columns.reading_ = reading;
  columns.text_ = "{}";
  const auto types = position.find("types");
  if (types == position.end()) return columns;
  const auto known = inferred_types_from(*types);
  if (!known) return Error(ErrorCode::corrupt, fmt::format("file slicer position: {}", known.error().message), false);
  columns.text_ = to_json_text(*known);
  columns.is_settled_ = true;
  return columns;
}

Result<void> InferredColumns::settle(Files& files, std::span<const std::string> paths, bool needs_rows) {
  if (text_.empty() || is_settled_) return {};
  ASSIGN_OR_RETURN(const Sampled sampled, sample_files(files, reading_, paths, needs_rows));
  if (needs_rows && sampled.sample.rows() == 0) return {};
  is_settled_ = true;
  text_ = to_json_text(sampled.sample.types());
  if (sampled.sample.rows() > 0) notice_ = "types of columns: " + found_text(sampled);
  return {};
}

Result<std::string> preview_inferred_types(Files& files, const FileReading& reading) {
  if (is_standard_input(reading.path)) return Error(ErrorCode::not_found, "the standard input is read once only");
  ASSIGN_OR_RETURN(const FileList list, list_files(files, reading.path));
  ASSIGN_OR_RETURN(const Sampled sampled, sample_files(files, reading, list.paths, false));
  if (sampled.sample.rows() == 0)
    return Error(ErrorCode::not_found, fmt::format("{} has no rows yet", printable(reading.path)));
  return found_text(sampled);
}

}  // namespace slicemill
