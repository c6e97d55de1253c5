#include "operations/readers/file_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "core/formats/byte_source.h"
#include "core/formats/file_print.h"
#include "core/formats/file_reading.h"
#include "core/formats/json_scan.h"
#include "core/outputs/own_output.h"
#include "core/runtime/base64.h"
#include "core/runtime/byte_stream.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"
#include "operations/known_fields.h"
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
  RowsStart rows{};        // of a part that is cut by rows
  bool has_types = false;  // that were inferred; they stand in `rows`
  std::uint64_t device = 0;
  std::optional<std::uint64_t> print{};         // nothing: none was taken
  bool is_unsized = false;                      // its size says nothing
  std::optional<std::uint64_t> stream_epoch{};  // of a pipe or the standard input: the one epoch that may read it
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
    if (std::string_view bytes; document["path_base64"].get(bytes) == simdjson::SUCCESS) {
      auto decoded = from_base64(bytes);
      if (!decoded) return broken(decoded.error().message);
      request.path = std::move(*decoded);
    }
    request.total = document["total"].get_uint64();
    request.mtime_ns = document["mtime_ns"].get_int64();
    request.inode = document["inode"].get_uint64();
    request.offset = document["offset"].get_uint64();
    request.length = document["length"].get_uint64();
    // Only of parts that are cut by rows.
    if (simdjson::ondemand::value line; document["line"].get(line) == simdjson::SUCCESS) {
      request.rows.line = line.get_uint64();
      request.rows.is_part = true;
      if (simdjson::ondemand::value header; document["header"].get(header) == simdjson::SUCCESS)
        request.rows.header = std::string_view(header.get_string());
    }
    if (simdjson::ondemand::object types; document["types"].get(types) == simdjson::SUCCESS) {
      request.has_types = true;
      for (auto member : types) {
        std::string name(std::string_view(member.unescaped_key()));
        const auto type = cell_type_from(std::string_view(member.value().get_string()));
        if (!type) return broken("unknown type of a column");
        request.rows.types.emplace(std::move(name), *type);
      }
    }
    if (std::uint64_t device = 0; document["device"].get(device) == simdjson::SUCCESS) request.device = device;
    if (std::string_view print; document["print"].get(print) == simdjson::SUCCESS) {
      std::uint64_t value = 0;
      if (std::from_chars(print.data(), print.data() + print.size(), value, 16).ptr != print.data() + print.size())
        return broken("print is no hexadecimal number");
      request.print = value;
    }
    if (bool is_set = false; document["unsized"].get(is_set) == simdjson::SUCCESS) request.is_unsized = is_set;
    if (std::uint64_t epoch = 0; document["epoch"].get(epoch) == simdjson::SUCCESS) request.stream_epoch = epoch;
  } catch (const simdjson::simdjson_error& wrong) {
    return broken(wrong.what());
  }
  if (request.offset > request.total || request.length > request.total - request.offset)
    return broken("range outside of the file");
  return request;
}

// A file may grow after it was discovered, and is then read as it was; any other change would mix two files' records.
Result<void> check_unchanged(const FileRequest& request, const FileStat& now, ReadableFile& file) {
  std::string change;
  if (now.kind != FileKind::regular) {
    change = fmt::format("{} now", to_string(now.kind));
  } else if (now.inode != request.inode) {
    change = fmt::format("replaced by another file (inode {}, then {})", request.inode, now.inode);
  } else if (now.size < request.total) {
    change = fmt::format("truncated from {} to {} bytes", request.total, now.size);
  } else if (now.size == request.total && now.mtime_ns != request.mtime_ns) {
    change = "written to in place (same size, other modification time)";
  } else if (request.print && (now.size != request.total || now.device != request.device)) {
    // The number of a device may be another after a restart of the machine: what is in the file decides.
    ASSIGN_OR_RETURN(const std::uint64_t print, file_print(file, request.total));
    if (print == *request.print) return {};
    change = fmt::format("written anew (its first {} bytes are others, it has {} now)", request.total, now.size);
  } else {
    return {};
  }
  return Error(ErrorCode::invalid,
               fmt::format("{}: changed since it was discovered: {}", printable(request.path), change), false);
}

// Everything that the file gives, whatever its size is said to be.
class UnsizedSource final : public ByteSource {
 public:
  explicit UnsizedSource(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    ASSIGN_OR_RETURN(const std::size_t got, file_->read_at(at_, buffer));
    at_ += got;
    return got;
  }

 private:
  std::unique_ptr<ReadableFile> file_;
  std::uint64_t at_ = 0;
};

class StreamSource final : public ByteSource {
 public:
  StreamSource(std::unique_ptr<ByteStream> stream, const std::atomic<bool>* cancelled)
      : stream_(std::move(stream)), cancelled_(cancelled) {}
  Result<std::size_t> read(std::span<char> buffer) override { return stream_->read(buffer, cancelled_); }

 private:
  std::unique_ptr<ByteStream> stream_;
  const std::atomic<bool>* cancelled_;
};

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

// Bytes that were read already, and what comes behind them.
class BegunSource final : public ByteSource {
 public:
  BegunSource(std::string first, std::unique_ptr<ByteSource> rest) : first_(std::move(first)), rest_(std::move(rest)) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    if (at_ == first_.size()) return rest_->read(buffer);
    const std::size_t size = std::min(buffer.size(), first_.size() - at_);
    std::memcpy(buffer.data(), first_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  const std::string first_;
  std::size_t at_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

// What has no place to look at before it is read: its first bytes say how it is compressed, if nobody else does.
class UnpackedSource final : public ByteSource {
 public:
  UnpackedSource(const FileReading& reading, std::string path, std::unique_ptr<ByteSource> packed)
      : reading_(reading), path_(std::move(path)), packed_(std::move(packed)) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    if (!unpacked_) RETURN_IF_ERROR(begin());
    return unpacked_->read(buffer);
  }

 private:
  Result<void> begin() {
    std::size_t got = 1;
    while (!reading_.compression && got > 0 && first_.size() < kContentBytes) {
      std::array<char, kContentBytes> some;
      ASSIGN_OR_RETURN(got, packed_->read(std::span(some).first(kContentBytes - first_.size())));
      first_.append(some.data(), got);
    }
    const std::string shown = printable(path_);
    auto compression = reading_.compression_of(path_, first_);
    if (!compression) return with_context(compression.error(), shown);
    ASSIGN_OR_RETURN(unpacked_,
                     decompressed(*compression, std::make_unique<BegunSource>(std::move(first_), std::move(packed_)),
                                  shown, reading_.zstd_window_log));
    return {};
  }

  const FileReading& reading_;
  const std::string path_;
  std::string first_;
  std::unique_ptr<ByteSource> packed_;
  std::unique_ptr<ByteSource> unpacked_;
};

class FileReader final : public Reader {
 public:
  Result<void> initialize(const OperationContext& context) override {
    ASSIGN_OR_RETURN(reading_, file_reading(context.operation.options));
    rejecter_ = RecordRejecter(context);
    files_ = context.files;
    return {};
  }

  Result<void> open(const SliceContext& slice) override {
    parser_.reset();
    source_.reset();
    rest_.clear();
    ended_ = false;
    checked_.reset();
    file_ = nullptr;
    is_stream_ = false;
    ASSIGN_OR_RETURN(FileRequest request, parse_request(slice.request, json_));
    place_ = printable(request.path);
    if (request.stream_epoch) return open_stream(slice, request);
    auto file = files_->open(request.path);
    if (!file) return opening_error(request, file.error());
    if (request.is_unsized) return begin_whole(request, std::make_unique<UnsizedSource>(std::move(*file)));
    return open_file(std::move(request), std::move(*file));
  }

  // Only formats of one record a line or row, and elements of an array, reject single ones.
  Result<void> open_text(const SliceContext&, std::string_view text) override {
    FileReading reading = reading_;
    if (reading.format == RecordFormat::json) {
      // The element is one value, over as many lines as it has: bytes that no JSON holds end it.
      reading.format = RecordFormat::ldjson;
      reading.line_delimiter = "\x01\x02\x03";
    }
    RowsStart rows;
    if (is_delimited(reading.format)) {
      if (reading.fields.empty()) {
        return Error(ErrorCode::unsupported, "a row can be taken back only by a job whose `fields` name its columns",
                     false);
      }
      if (reading.infers_types()) {
        return Error(ErrorCode::unsupported, "a row can be taken back only by a job whose `types` infer none", false);
      }
      rows.is_part = true;
    } else if (!is_line_based(reading.format)) {
      return Error(ErrorCode::unsupported, "the format is not one of lines, so it cannot take back a single line",
                   false);
    }
    rest_.clear();
    ended_ = false;
    place_ = "a redriven record";
    parser_ = make_chunk_parser(reading, LineRange{}, std::move(rows), {place_, rejecter_}, indexer_);
    source_ = std::make_unique<TextSource>(text);
    return {};
  }

  const std::vector<std::string>* columns() const override { return parser_ ? parser_->columns() : nullptr; }

  Result<void> read(RecordBatch& batch) override {
    while (batch.records.empty() && !parser_->done()) {
      // What a chunk without a whole record left there is not needed; a long record must not leave a block per try.
      batch.clear();
      ASSIGN_OR_RETURN(const std::span<char> chunk, next_chunk(batch));
      auto used = parser_->parse(chunk, ended_, batch);
      if (!used) return parsing_error(used.error());
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
    return batch.records.empty() ? check_end() : Result<void>();
  }

 private:
  static Error opening_error(const FileRequest& request, Error error) {
    if (error.code != ErrorCode::not_found) return error;
    return Error(ErrorCode::not_found,
                 fmt::format("{}: it was there when it was discovered, and is gone now", printable(request.path)),
                 false);
  }

  // All that the source gives is the slice.
  Result<void> begin_whole(const FileRequest& request, std::unique_ptr<ByteSource> source) {
    RowsStart rows;
    rows.finds_types = reading_.infers_types();
    parser_ = make_chunk_parser(reading_, LineRange{}, std::move(rows), {place_, rejecter_}, indexer_);
    source_ = std::make_unique<UnpackedSource>(reading_, request.path, std::move(source));
    return {};
  }

  Result<void> unpack(const FileRequest& request, Compression compression, std::unique_ptr<ByteSource> source) {
    ASSIGN_OR_RETURN(source_,
                     decompressed(compression, std::move(source), printable(request.path), reading_.zstd_window_log));
    return {};
  }

  Result<void> open_file(FileRequest request, std::unique_ptr<ReadableFile> file) {
    if (reading_.infers_types() && !request.has_types) {
      return Error(ErrorCode::invalid,
                   fmt::format("{}: the slice was made by a job that inferred no types: name them in `types`, or run "
                               "the job anew",
                               place_),
                   false);
    }
    ASSIGN_OR_RETURN(const FileStat stat, file->stat());
    RETURN_IF_ERROR(check_unchanged(request, stat, *file));
    ASSIGN_OR_RETURN(const Compression compression, compression_of(request, *file));
    const bool is_packed = compression != Compression::none;
    const bool is_cut_by_rows = !is_packed && reading_.cuts_rows();
    if (is_packed) place_ += " (unpacked)";
    const std::uint64_t end = request.offset + request.length;
    const bool is_last = end == request.total && stat.size > request.total;
    const LineRange range =
        is_cut_by_rows || (is_line_based(reading_.format) && !is_packed) ? LineRange{request.offset, end} : LineRange{};
    std::uint64_t source_end = is_cut_by_rows ? end : request.total;
    if (is_last && !is_packed && is_delimited(reading_.format)) RETURN_IF_ERROR(check_last_row(request, *file));
    // The last record was perhaps still being written when the file was discovered: it is read to its end.
    if (is_last && !is_packed && is_line_based(reading_.format)) source_end = stat.size;
    file_ = file.get();
    opened_ = stat;
    parser_ = make_chunk_parser(reading_, range, request.rows, {place_, rejecter_}, indexer_);
    RETURN_IF_ERROR(unpack(request, compression,
                           file_source(std::move(file), printable(request.path), parser_->position(), source_end)));
    checked_ = std::move(request);
    return {};
  }

  // A row without an end is the last one of a file, or one that was still being written.
  static Result<void> check_last_row(const FileRequest& request, ReadableFile& file) {
    std::array<char, 1> last;
    ASSIGN_OR_RETURN(const std::size_t got, file.read_at(request.total - 1, last));
    if (got == 1 && (last[0] == '\n' || last[0] == '\r')) return {};
    return Error(
        ErrorCode::invalid,
        fmt::format("{}: it has grown since it was discovered with {} bytes, and its last row had no end then: "
                    "it was still being written",
                    printable(request.path), request.total),
        false);
  }

  // A pipe and the standard input give their bytes once: whoever comes second would get the rest, or nothing.
  Result<void> open_stream(const SliceContext& slice, const FileRequest& request) {
    const std::pair<SliceKey, Attempt> attempt{slice.key, slice.attempt};
    const bool is_first = slice.attempt.epoch == *request.stream_epoch && slice.attempt.n == 1 && streamed_ != attempt;
    if (!is_first) {
      return Error(
          ErrorCode::unsupported,
          fmt::format("{} can be read once only, and an earlier attempt may have read from it: what it took is "
                      "gone. Run the job anew with the whole input",
                      printable(request.path)),
          false);
    }
    auto stream = open_byte_stream(request.path, reading_.pipe_timeout_ms);
    if (!stream) return opening_error(request, stream.error());
    streamed_ = attempt;
    is_stream_ = true;
    return begin_whole(request, std::make_unique<StreamSource>(std::move(*stream), slice.cancelled));
  }

  // What was read is what was discovered, also if somebody wrote into the file meanwhile.
  Result<void> check_end() {
    if (file_ == nullptr || !checked_) return {};
    ASSIGN_OR_RETURN(const FileStat stat, file_->stat());
    if (stat.size == opened_.size && stat.mtime_ns == opened_.mtime_ns) return {};
    return check_unchanged(*checked_, stat, *file_);
  }

  // A file that the slicer has cut is not compressed.
  Result<Compression> compression_of(const FileRequest& request, ReadableFile& file) const {
    if (request.length < request.total) return Compression::none;
    char first[kContentBytes];
    std::size_t size = 0;
    if (!reading_.compression) {
      ASSIGN_OR_RETURN(size, file.read_at(0, first));
    }
    auto compression = reading_.compression_of(request.path, {first, size});
    if (!compression) return with_context(compression.error(), printable(request.path));
    return compression;
  }

  // The rest of the last chunk with new bytes behind it. Sets ended_.
  Result<std::span<char>> next_chunk(RecordBatch& batch) {
    const std::size_t size = rest_.size() + parser_->wanted(rest_.size());
    char* space = parser_->needs_batch_space() ? batch.allocate(size) : own_space(size);
    std::memcpy(space, rest_.data(), rest_.size());
    std::size_t filled = rest_.size();
    while (filled < size && !ended_) {
      auto got_bytes = source_->read({space + filled, size - filled});
      if (!got_bytes) return reading_error(got_bytes.error());
      const std::size_t got = *got_bytes;
      filled += got;
      ended_ = got == 0;
    }
    return std::span<char>(space, filled);
  }

  // A file that was written to meanwhile is worth saying before what is wrong with a record of it.
  Error parsing_error(const Error& error) {
    const auto checked = check_end();
    return checked ? with_context(error, place_) : checked.error();
  }

  // What a stream gave is gone: no other attempt can do better. A file that cannot be unpacked or ends early may have
  // been written to.
  Error reading_error(Error error) {
    if (is_stream_ && error.code != ErrorCode::cancelled) error.retryable = error.obstacle = false;
    if (is_stream_) return error;
    const auto checked = check_end();
    return checked ? error : checked.error();
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
  std::string rest_;              // behind the last whole record
  ReadableFile* file_ = nullptr;  // of source_: its identity is looked at again at the end
  FileStat opened_;               // as it was when it was opened
  std::optional<FileRequest> checked_;
  bool is_stream_ = false;
  std::pair<SliceKey, Attempt> streamed_{};  // the latest attempt that read a stream
  bool ended_ = false;
  std::unique_ptr<char[]> own_;
  std::size_t own_bytes_ = 0;
};

std::vector<OptionSpec> file_reader_options() {
  return {
      {.name = "path",
       .type = OptionType::text,
       .description = "File, directory (the files directly in it; names that begin with a dot are left out), pattern "
                      "of * ? [...] and ** (any number of directories), pipe, or /dev/stdin (`slicemill run` only). "
                      "docs/files.md has the rules.",
       .required = true,
       .is_path = true},
      {.name = "format",
       .type = OptionType::text,
       .description = "ldjson: a JSON value a line; raw: a line becomes {\"data\": line}; json: an array of values, or "
                      "one value; csv, tsv: "
                      "RFC 4180, a row becomes an object of text values, or of those that `types` says.",
       .default_value = "ldjson",
       .choices = {"ldjson", "raw", "json", "csv", "tsv"}},
      {.name = "size",
       .type = OptionType::bytes,
       .description = "Bytes per slice of uncompressed files. Slices of csv and tsv end with the next row. Compressed "
                      "and json files are one slice each.",
       .default_value = 10'000'000,
       .minimum = 1},
      {.name = "compression",
       .type = OptionType::text,
       .description = "How the files are compressed; by default as the first bytes of each file and the ending of its "
                      "name say (.gz, .gzip, .zst, .zstd, .lz4, in any case).",
       .choices = {"none", "gzip", "zstd", "lz4"}},
      {.name = "zstd_window_log",
       .type = OptionType::integer,
       .description = "The largest window of a zstd file, as the exponent of a power of two (29: 512 MB, 31: 2 GB), as "
                      "for `zstd --long`. A worker needs this much memory for such a file.",
       .default_value = kDefaultZstdWindowLog,
       .minimum = 10,
       .maximum = kLargestZstdWindowLog},
      {.name = "field_delimiter",
       .type = OptionType::text,
       .description = "Character between the fields of csv and tsv; by default a comma, for tsv a tab. A first line "
                      "`sep=;` names it for its file."},
      {.name = "quote",
       .type = OptionType::any,
       .description = "Character around fields of csv and tsv that hold delimiters or line ends; \"\" or null: none, "
                      "quotes are ordinary characters.",
       .default_value = "\""},
      {.name = "line_delimiter",
       .type = OptionType::text,
       .description = "Text after each record of ldjson and raw; \"\\n\" takes a carriage return before it too.",
       .default_value = "\n"},
      {.name = "fields",
       .type = OptionType::text_list,
       .description = "Names of the columns of csv and tsv; by default the first row has them."},
      {.name = "remove_header",
       .type = OptionType::boolean,
       .description = "With `fields`: a first row of csv and tsv that consists of these names is dropped; case and "
                      "blanks around them do not matter.",
       .default_value = true},
      {.name = "ignore_empty",
       .type = OptionType::boolean,
       .description = "Leaves empty values of csv and tsv out of the record, and skips blank lines of raw, csv and tsv "
                      "(ldjson always does). A line of two quotes is not blank.",
       .default_value = true},
      {.name = "types",
       .type = OptionType::any,
       .description =
           "Types of csv and tsv columns by name: text, integer, decimal, boolean, date, infer, or an object "
           "{type: date, format: \"%d.%m.%Y\"}; `*` stands for all columns that are not named. A type alone "
           "is that of all columns. infer: as the first 1,000 rows (1 MB) show. By default all are text. "
           "docs/formats.md has the rules."},
      {.name = "empty",
       .type = OptionType::text,
       .description = "What an empty value of csv and tsv becomes: omit (left out), null, or text (\"\"; null in a "
                      "column of another type). By default null with `types`, otherwise as `ignore_empty` says.",
       .choices = {"omit", "null", "text"}},
      {.name = "decimal_separator",
       .type = OptionType::text,
       .description = "What stands before the fraction of a typed number: \".\" (the default) or \",\"."},
      {.name = "thousands_separator",
       .type = OptionType::text,
       .description =
           "The character between groups of three digits of typed numbers; by default a number has no groups."},
      {.name = "date_format",
       .type = OptionType::text,
       .description = "How dates of typed columns are written, such as `%d.%m.%Y %H:%M` (docs/formats.md); they become "
                      "ISO 8601. By default they must be ISO 8601 and stay as they are."},
      {.name = "file_per_slice",
       .type = OptionType::boolean,
       .description = "Makes every file one slice, whatever its size.",
       .default_value = false},
      {.name = "settle",
       .type = OptionType::duration_ms,
       .description = "In persistent jobs: how long a new file must be unchanged before it is read, in milliseconds.",
       .default_value = 2'000,
       .minimum = 0},
      {.name = "pipe_timeout",
       .type = OptionType::duration_ms,
       .description = "How long to wait for a program that opens the pipe for writing, in milliseconds.",
       .default_value = 5'000,
       .minimum = 0},
      {.name = "extra_args",
       .type = OptionType::object,
       .description = "Accepted for jobs written elsewhere; has no effect."},
  };
}

// Columns that `types` names and a table does not have, where that is known before it is read.
Result<void> check_typed_columns(const Json& options) {
  const auto types = options.find("types");
  if (types == options.end() || !types->is_object()) return {};
  const std::array reader = {OperationSpec{.name = "file_reader", .options = options}};
  const auto known = KnownFields::behind(reader, &posix_files());
  if (!known) return {};
  for (const auto& [name, type] : types->items()) {
    const FieldPath column = FieldPath::of_name(name);
    if (name != "*" && !known->may_have(column))
      return Error(ErrorCode::invalid, fmt::format("types: {}", known->complaint(column)), false);
  }
  return {};
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
  schema.check_job = [](const Json& options, const JobScope& scope) -> Result<void> {
    RETURN_IF_ERROR(check_typed_columns(options));
    return check_own_output(options.at("path").get<std::string>(), scope.job);
  };
  return {std::move(schema), [] { return std::make_unique<FileReader>(); }};
}

}  // namespace slicemill
