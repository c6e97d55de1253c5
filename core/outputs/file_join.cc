// Joining the parts of a single file, and giving it its name.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "core/formats/compressor.h"
#include "core/formats/field_path.h"
#include "core/outputs/file_publisher.h"
#include "core/outputs/output_hash.h"
#include "core/outputs/settled_columns.h"
#include "core/outputs/stored_file.h"
#include "core/runtime/fault.h"

namespace slicemill {

namespace {

// The joined file as it grows, with its facts.
class JoinedFile {
 public:
  explicit JoinedFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) { facts_.present = true; }

  Result<void> append(std::string_view bytes) {
    if (bytes.empty()) return {};
    hash_.update(bytes);
    facts_.bytes += bytes.size();
    return file_->write(bytes);
  }
  void count(std::uint64_t records) { facts_.records += records; }

  Result<OutputFacts> finish() {
    RETURN_IF_ERROR(file_->sync());
    RETURN_IF_ERROR(file_->close());
    facts_.checksum = hash_.digest();
    return facts_;
  }

 private:
  std::unique_ptr<WritableFile> file_;
  OutputHash hash_;
  OutputFacts facts_;
};

// A text as stored: a member of its own if the file is compressed.
Result<std::string> stored_text(Compression compression, const std::string& text) {
  if (text.empty()) return text;
  std::string stored;
  ASSIGN_OR_RETURN(const auto compressor, make_compressor(compression));
  RETURN_IF_ERROR(compressor->append(text, stored));
  RETURN_IF_ERROR(compressor->finish(stored));
  return stored;
}

}  // namespace

Result<OutputFacts> FilePublisher::join(const OutputSource& outputs) {
  RETURN_IF_ERROR(fault("joining"));
  if (layout_.replaces_directory()) return complete_replacement(outputs);
  RecordWriterOptions writer = writing_.writer;
  if (is_delimited(writer.format) && writer.include_header && writer.fields.empty()) {
    ASSIGN_OR_RETURN(const auto columns, settled_columns(files_, layout_));
    if (columns) {
      for (const std::string& name : *columns) writer.fields.push_back(FieldPath::text_of_name(name));
    }
    writer.include_header = columns.has_value();  // without columns there are no records
  }
  const FileFrame frame = file_frame(writer);
  ASSIGN_OR_RETURN(const std::string prologue, stored_text(writing_.compression, frame.prologue));
  ASSIGN_OR_RETURN(const std::string separator, stored_text(writing_.compression, frame.separator));
  ASSIGN_OR_RETURN(const std::string epilogue, stored_text(writing_.compression, frame.epilogue));

  ASSIGN_OR_RETURN(auto file, files_.create(layout_.joined_path()));
  JoinedFile joined(std::move(file));
  RETURN_IF_ERROR(joined.append(prologue));
  bool is_first = true;
  const bool lacks_header = writing_.writer.include_header && !writer.include_header;
  const auto append_part = [&](const CommittedOutput& output) -> Result<void> {
    if (!output.facts.present) return {};
    if (lacks_header) {
      return Error(
          ErrorCode::not_found,
          fmt::format("output_lost: {} is not there, which names the columns of the parts", layout_.columns_path()),
          false);
    }
    if (!std::exchange(is_first, false)) RETURN_IF_ERROR(joined.append(separator));
    const std::string part = layout_.publish_directory() + "/" + final_name(output);
    auto read = read_stored_file(files_, part, [&](std::string_view bytes) { return joined.append(bytes); });
    if (!read && read.error().code == ErrorCode::not_found) {
      return Error(ErrorCode::not_found, fmt::format("output_lost: part {} is not there", part), false);
    }
    if (!read) return read.error();
    if (!read->is_what(output.facts)) {
      return Error(
          ErrorCode::corrupt,
          fmt::format("part {} is not what the ledger says: {} bytes with checksum {:016x} instead of {} with {:016x}",
                      part, read->bytes, read->checksum, output.facts.bytes, output.facts.checksum),
          false);
    }
    joined.count(output.facts.records);
    return {};
  };
  RETURN_IF_ERROR(outputs(append_part));
  RETURN_IF_ERROR(joined.append(epilogue));
  ASSIGN_OR_RETURN(const OutputFacts facts, joined.finish());
  RETURN_IF_ERROR(files_.sync_directory(layout_.staging_directory()));
  return facts;
}

Result<void> FilePublisher::publish_joined(const OutputFacts& facts) {
  if (layout_.replaces_directory()) return replace_directory();
  const bool is_new = layout_.replaces && files_.is_name(layout_.joined_path());
  RETURN_IF_ERROR(is_new ? files_.rename_replace(layout_.joined_path(), layout_.final_path)
                         : put_in_place(layout_.joined_path(), layout_.final_path, facts));
  return files_.sync_directory(layout_.root);
}

}  // namespace slicemill
