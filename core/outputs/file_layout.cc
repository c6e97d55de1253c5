#include "core/outputs/file_layout.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>

#include "core/formats/record_projection.h"
#include "core/model/job_spec.h"
#include "core/model/output_path.h"
#include "core/outputs/subdirectory.h"

namespace slicemill {

namespace {

constexpr std::string_view kStagingName = ".slicemill";

// Takes a decimal number off the front of text.
template <typename Number>
bool take_number(std::string_view& text, Number& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

std::string text_option(const Json& options, const char* name, const std::string& otherwise) {
  const auto found = options.find(name);
  return found != options.end() && found->is_string() && !found->get_ref<const std::string&>().empty()
             ? found->get<std::string>()
             : otherwise;
}

bool flag_option(const Json& options, const char* name) {
  const auto found = options.find(name);
  return found != options.end() && found->is_boolean() && found->get<bool>();
}

Error option_error(std::string_view option, std::string_view problem) {
  return Error(ErrorCode::invalid, fmt::format("{}: {}", option, problem), false);
}

// What is not said follows from the name that users see.
Result<Compression> compression_option(const Json& options) {
  if (const std::string word = text_option(options, "compression", ""); !word.empty()) return compression_from(word);
  const char* option = flag_option(options, "single_file") ? "path" : "extension";
  const std::string name = "." + text_option(options, option, "");
  if (const auto ending = unsupported_ending(name); !ending.empty()) {
    return option_error(option, fmt::format("files ending in {} cannot be written: name another compression, or say "
                                            "`compression: none`",
                                            ending));
  }
  return compression_of_name(name);
}

}  // namespace

std::string FileLayout::staging_directory() const {
  return fmt::format("{}/{}/{}", root == "/" ? "" : root, kStagingName, staging_name);
}

std::string FileLayout::publish_directory() const {
  if (single_file) return staging_directory() + "/parts";
  return replaces ? staging_directory() + "/new" : root;
}

std::string FileLayout::columns_path() const {
  return staging_directory() + "/columns";
}

std::string FileLayout::joined_path() const {
  return staging_directory() + "/joined.tmp";
}

std::string FileLayout::staged_path(const SliceKey& key, const Attempt& attempt) const {
  return fmt::format("{}/{}-{}-{}-{}.{}-{}", staging_directory(), key.generation, key.slicer, key.order, key.path,
                     attempt.epoch, attempt.n);
}

std::string FileLayout::staged_path(const SliceKey& key, const Attempt& attempt, std::size_t number) const {
  return fmt::format("{}.{}", staged_path(key, attempt), number);
}

std::string FileLayout::final_name(std::string_view slice_id, const SliceKey& key, const OutputFacts& facts) const {
  return fmt::format("{}-{:010}-{}-{:08x}.{}", key.slicer, key.order, slice_id, facts.request_hash, extension);
}

std::optional<StagedName> parse_staged_name(std::string_view name) {
  StagedName staged;
  SliceKey& key = staged.key;
  const bool is_staged = take_number(name, key.generation) && take_char(name, '-') && take_number(name, key.slicer) &&
                         take_char(name, '-') && take_number(name, key.order) && take_char(name, '-') &&
                         take_number(name, key.path) && take_char(name, '.') &&
                         take_number(name, staged.attempt.epoch) && take_char(name, '-') &&
                         take_number(name, staged.attempt.n);
  std::uint64_t number = 0;
  if (is_staged && take_char(name, '.') && !take_number(name, number)) return std::nullopt;
  if (!is_staged || !name.empty()) return std::nullopt;
  return staged;
}

std::optional<PublishedName> parse_published_name(std::string_view name) {
  constexpr std::size_t kUuidSize = 36;
  constexpr std::size_t kHashSize = 8;
  PublishedName published;
  if (!take_number(name, published.slicer) || !take_char(name, '-') || !take_number(name, published.order))
    return std::nullopt;
  if (!take_char(name, '-') || name.size() < kUuidSize + 1 + kHashSize + 1) return std::nullopt;
  published.slice_id = name.substr(0, kUuidSize);
  if (name[kUuidSize] != '-' || name[kUuidSize + 1 + kHashSize] != '.') return std::nullopt;
  return published;
}

Result<FileWriting> file_writing(const Json& options) {
  FileWriting writing;
  RecordWriterOptions& writer = writing.writer;
  ASSIGN_OR_RETURN(writer.format, record_format_from(text_option(options, "format", "ldjson")));
  ASSIGN_OR_RETURN(writing.compression, compression_option(options));
  if (const auto fields = options.find("fields"); fields != options.end() && fields->is_array()) {
    for (const Json& field : *fields) writer.fields.push_back(field.get<std::string>());
    if (auto good = check_chosen_fields(writer.fields); !good) return option_error("fields", good.error().message);
  }
  writer.line_delimiter = text_option(options, "line_delimiter", "\n");
  const std::string delimiter =
      text_option(options, "field_delimiter", writer.format == RecordFormat::tsv ? "\t" : ",");
  writer.field_delimiter = delimiter[0];
  writer.include_header = flag_option(options, "include_header");
  writer.is_part = flag_option(options, "single_file");
  writer.raw_records = text_option(options, kEncodingOption, "json") == "raw";

  const bool delimited = is_delimited(writer.format);
  if (delimited && (delimiter.size() != 1 || delimiter == "\"" || delimiter == "\n" || delimiter == "\r")) {
    return option_error("field_delimiter", "must be one character, and neither a quote nor a line end");
  }
  if (delimited && writer.line_delimiter != "\n" && writer.line_delimiter != "\r\n") {
    return option_error("line_delimiter",
                        fmt::format("must be \"\\n\" or \"\\r\\n\" for format {}", to_string(writer.format)));
  }
  if (writer.raw_records && !is_line_based(writer.format)) {
    return option_error(kEncodingOption, fmt::format("raw records cannot be written as {}", to_string(writer.format)));
  }
  if (writer.raw_records && writer.format == RecordFormat::ldjson && !writer.fields.empty()) {
    return option_error("fields", "raw records have no fields");
  }
  return writing;
}

std::string staging_name(const Plan& plan, std::size_t node, std::string_view lineage_id) {
  return plan.form == Plan::Form::graph ? fmt::format("{}.{}", lineage_id, plan.nodes[node].id)
                                        : std::string(lineage_id);
}

Result<FileLayout> file_layout(const Json& options, std::string_view staging_name) {
  FileLayout layout;
  std::string path = text_option(options, "path", "");
  if (path.empty() || path[0] != '/') return option_error("path", fmt::format("\"{}\" is not an absolute path", path));
  layout.single_file = flag_option(options, "single_file");
  if (layout.single_file && path.back() == '/') {
    return option_error("path",
                        fmt::format("\"{}\" names a directory, but single_file needs the name of a file", path));
  }
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  ASSIGN_OR_RETURN(const FileWriting writing, file_writing(options));
  layout.extension = text_option(options, "extension", default_extension(writing.writer.format, writing.compression));
  while (layout.extension.starts_with('.')) layout.extension.erase(0, 1);
  if (layout.extension.empty() || layout.extension.find('/') != std::string::npos) {
    return option_error("extension", "must be the ending of a file name");
  }
  layout.staging_name = staging_name;
  layout.root = path;
  layout.replaces = text_option(options, "if_exists", "append") == "replace";
  if (layout.single_file || layout.replaces) {
    layout.final_path = path;
    const std::size_t slash = path.rfind('/');
    layout.root = slash == 0 ? "/" : path.substr(0, slash);
    if (path == "/") return option_error("path", "\"/\" cannot be replaced");
    if (layout.single_file && path.substr(slash + 1).starts_with('.'))
      return option_error("path", "a single file's name must not begin with a dot");
  }
  layout.subdirectory = text_option(options, kSubdirectoryOption, "");
  if (layout.subdirectory.empty()) return layout;
  const auto parsed = Subdirectory::parse(layout.subdirectory);
  if (!parsed) return option_error("path", parsed.error().message);
  if (layout.single_file) {
    return option_error("path",
                        "with single_file it cannot name fields of records: without it there is a directory for each "
                        "value, with a file for each slice");
  }
  if (writing.writer.raw_records && parsed->has_fields())
    return option_error("path", "raw records have no fields to be named in it");
  return layout;
}

std::uint32_t request_hash(std::string_view request) {
  return static_cast<std::uint32_t>(XXH3_64bits(request.data(), request.size()));
}

Result<void> create_durable_directories(Files& files, const std::string& path) {
  // The nearest ancestor that exists, and every directory that will be made below it: each gets a name in the one
  // above.
  std::vector<std::string> parents;
  for (std::string missing = path; missing != "/" && !files.stat(missing);) {
    const std::size_t slash = missing.rfind('/');
    missing = slash == 0 ? "/" : missing.substr(0, slash);
    parents.push_back(missing);
  }
  auto created = files.create_directories(path);
  // Another job that cleans up behind itself may take an empty staging directory away between two steps of this.
  if (!created && created.error().code == ErrorCode::not_found) created = files.create_directories(path);
  if (!created) return created.error();
  for (const std::string& parent : parents) RETURN_IF_ERROR(files.sync_directory(parent));
  return {};
}

}  // namespace slicemill
