#include "operations/readers/file_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/formats/byte_source.h"
#include "core/formats/file_reading.h"
#include "core/formats/json_scan.h"
#include "operations/readers/chunk_parser.h"

namespace slicemill {

namespace {

constexpr std::size_t kMaxRecordBytes = 256 << 20;

// A slice request; grammar in slicer/file_slicer.h.
struct FileRequest {
  std::string path;
  std::uint64_t total = 0;
  std::int64_t mtime_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  RowsStart rows{};  // of a part that is cut by rows
};

Result<FileRequest> parse_request(std::string_view text, simdjson::ondemand::parser& parser) {
  const auto broken = [&](std::string_view problem) {
    return Error(ErrorCode::invalid, fmt::format("slice request of file_reader: {}: {}", problem, text_head(text)),
                 false);
  };
  FileRequest request;
  try {
    const simdjson::padded_string padded(text);
    auto document = parser.iterate(padded);
    request.path = std::string_view(document["path"]);
    request.total = document["total"].get_uint64();
    request.mtime_ns = document["mtime_ns"].get_int64();
    request.inode = document["inode"].get_uint64();
    request.offset = document["offset"].get_uint64();
    request.length = document["length"].get_uint64();
    // Only of parts that are cut by rows.
    if (simdjson::ondemand::value line; document["line"].get(line) == simdjson::SUCCESS) {
      request.rows.line = line.get_uint64();
      if (simdjson::ondemand::value header; document["header"].get(header) == simdjson::SUCCESS)
        request.rows.header = std::string_view(header.get_string());
    }
  } catch (const simdjson::simdjson_error& wrong) {
    return broken(wrong.what());
  }
  if (request.offset > request.total || request.length > request.total - request.offset)
    return broken("range outside of the file");
  return request;
}

// A file may grow after it was discovered, and is then read as it was; any other change would mix two files' records.
Result<void> check_unchanged(const FileRequest& request, const FileStat& now) {
  std::string change;
  if (now.inode != request.inode) {
    change = fmt::format("replaced by another file (inode {}, then {})", request.inode, now.inode);
  } else if (now.size < request.total) {
    change = fmt::format("truncated from {} to {} bytes", request.total, now.size);
  } else if (now.size == request.total && now.mtime_ns != request.mtime_ns) {
    change = "written to in place (same size, other modification time)";
  } else {
    return {};
  }
  return Error(ErrorCode::invalid, fmt::format("{}: changed since it was discovered: {}", request.path, change), false);
}

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : rest_(text) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t size = std::min(buffer.size(), rest_.size());
    if (size > 0) std::memcpy(buffer.data(), rest_.data(), size);
    rest_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view rest_;
};

class FileReader final : public Reader {
 public:
  Result<void> initialize(const OperationContext& context) override {
    ASSIGN_OR_RETURN(reading_, file_reading(context.options));
    rejecter_ = RecordRejecter(context);
    files_ = context.files;
    return {};
  }

  Result<void> open(const SliceContext& slice) override {
    parser_.reset();
    source_.reset();
    rest_.clear();
    ended_ = false;
    ASSIGN_OR_RETURN(const FileRequest request, parse_request(slice.request, json_));
    const Compression compression = reading_.compression_of(request.path);
    const bool is_cut = reading_.is_cut(request.path);
    const bool is_cut_by_rows = reading_.is_cut_by_rows(request.path);
    const std::uint64_t end = request.offset + request.length;
    place_ = compression == Compression::none ? request.path : request.path + " (unpacked)";

    ASSIGN_OR_RETURN(auto file, files_->open(request.path));
    ASSIGN_OR_RETURN(const FileStat stat, file->stat());
    RETURN_IF_ERROR(check_unchanged(request, stat));
    parser_ = make_chunk_parser(reading_, is_cut || is_cut_by_rows ? LineRange{request.offset, end} : LineRange{},
                                request.rows, {place_, rejecter_}, indexer_);
    ASSIGN_OR_RETURN(source_, decompressed(compression,
                                           file_source(std::move(file), request.path, parser_->position(),
                                                       is_cut_by_rows ? end : request.total),
                                           request.path));
    return {};
  }

  // Only lines and elements of an array are rejected alone.
  Result<void> open_text(const SliceContext&, std::string_view text) override {
    FileReading reading = reading_;
    if (reading.format == RecordFormat::json) {
      // The element is one value, over as many lines as it has: bytes that no JSON holds end it.
      reading.format = RecordFormat::ldjson;
      reading.line_delimiter = "\x01\x02\x03";
    }
    if (!is_line_based(reading.format)) {
      return Error(ErrorCode::unsupported, "the format is not one of lines, so it cannot take back a single line",
                   false);
    }
    rest_.clear();
    ended_ = false;
    place_ = "a redriven record";
    parser_ = make_chunk_parser(reading, LineRange{}, {}, {place_, rejecter_}, indexer_);
    source_ = std::make_unique<TextSource>(text);
    return {};
  }

  Result<void> read(RecordBatch& batch) override {
    while (batch.records.empty() && !parser_->done()) {
      // What a chunk without a whole record left there is not needed; a long record must not leave a block per try.
      batch.clear();
      ASSIGN_OR_RETURN(const std::span<char> chunk, next_chunk(batch));
      auto used = parser_->parse(chunk, ended_, batch);
      if (!used) return with_context(used.error(), place_);
      const std::span<char> rest = chunk.subspan(*used);
      rest_.assign(rest.data(), parser_->done() ? 0 : rest.size());
      if (parser_->needs_batch_space()) batch.shrink_last(chunk.data(), *used);
      if (rest_.size() > kMaxRecordBytes) {
        return Error(ErrorCode::invalid,
                     fmt::format("{}: byte {}: a record longer than {} MB begins here", place_, parser_->position(),
                                 kMaxRecordBytes >> 20),
                     false);
      }
      if (ended_ && !rest_.empty()) {
        return Error(ErrorCode::internal, fmt::format("{}: {} bytes at the end were left over", place_, rest_.size()));
      }
    }
    return {};
  }

 private:
  // The rest of the last chunk with new bytes behind it. Sets ended_.
  Result<std::span<char>> next_chunk(RecordBatch& batch) {
    const std::size_t size = rest_.size() + parser_->wanted(rest_.size());
    char* space = parser_->needs_batch_space() ? batch.allocate(size) : own_space(size);
    std::memcpy(space, rest_.data(), rest_.size());
    std::size_t filled = rest_.size();
    while (filled < size && !ended_) {
      ASSIGN_OR_RETURN(const std::size_t got, source_->read({space + filled, size - filled}));
      filled += got;
      ended_ = got == 0;
    }
    return std::span<char>(space, filled);
  }

  char* own_space(std::size_t size) {
    if (own_bytes_ < size) {
      own_.reset(new char[size + RecordBatch::kPadding]);
      own_bytes_ = size;
    }
    return own_.get();
  }

  Files* files_ = nullptr;
  FileReading reading_;
  RecordRejecter rejecter_;
  JsonIndexer indexer_;
  simdjson::ondemand::parser json_;
  // of the slice
  std::string place_;  // for errors
  std::unique_ptr<ChunkParser> parser_;
  std::unique_ptr<ByteSource> source_;
  std::string rest_;  // behind the last whole record
  bool ended_ = false;
  std::unique_ptr<char[]> own_;
  std::size_t own_bytes_ = 0;
};

std::vector<OptionSpec> file_reader_options() {
  return {
      {.name = "path",
       .type = OptionType::text,
       .description =
           "File, directory (what is directly in it; names that begin with a dot are left out) or glob to read.",
       .required = true,
       .is_path = true},
      {.name = "format",
       .type = OptionType::text,
       .description = "ldjson: a JSON value a line; raw: a line becomes {\"data\": line}; json: an array of values, or "
                      "one value; csv, tsv: "
                      "RFC 4180, a row becomes an object of text values.",
       .default_value = "ldjson",
       .choices = {"ldjson", "raw", "json", "csv", "tsv"}},
      {.name = "size",
       .type = OptionType::bytes,
       .description = "Bytes per slice of uncompressed ldjson and raw files, and at least so many of csv and tsv "
                      "files; other files are "
                      "one slice each.",
       .default_value = 10'000'000,
       .minimum = 1},
      {.name = "compression",
       .type = OptionType::text,
       .description = "How the files are compressed; by default by their endings .gz, .zst and .lz4.",
       .choices = {"none", "gzip", "zstd", "lz4"}},
      {.name = "field_delimiter",
       .type = OptionType::text,
       .description = "Character between the fields of csv and tsv; by default a comma, for tsv a tab."},
      {.name = "line_delimiter",
       .type = OptionType::text,
       .description = "Text behind each record of ldjson and raw; \"\\n\" takes a carriage return before it too.",
       .default_value = "\n"},
      {.name = "fields",
       .type = OptionType::text_list,
       .description = "Names of the columns of csv and tsv; by default the first row has them."},
      {.name = "remove_header",
       .type = OptionType::boolean,
       .description = "With `fields`: the first row of csv and tsv is a header and is dropped.",
       .default_value = true},
      {.name = "ignore_empty",
       .type = OptionType::boolean,
       .description = "Leaves empty values of csv and tsv out of the record, and skips blank lines of raw, csv and tsv "
                      "(ldjson always does).",
       .default_value = true},
      {.name = "file_per_slice",
       .type = OptionType::boolean,
       .description = "Makes every file one slice, whatever its size.",
       .default_value = false},
      {.name = "extra_args",
       .type = OptionType::object,
       .description = "Accepted for jobs written elsewhere; has no effect."},
  };
}

}  // namespace

OperationEntry file_reader_operation() {
  OperationSchema schema;
  schema.name = "file_reader";
  schema.kind = OperationKind::reader;
  schema.description = "Reads records from files.";
  schema.options = file_reader_options();
  schema.check = [](const Json& options) -> Result<void> {
    auto reading = file_reading(options);
    if (!reading) return reading.error();
    return {};
  };
  return {std::move(schema), [] { return std::make_unique<FileReader>(); }};
}

}  // namespace slicemill
