#include "operations/readers/chunk_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "core/formats/csv_reader.h"
#include "core/formats/csv_sample.h"
#include "core/formats/json_array_scanner.h"
#include "core/formats/json_scan.h"
#include "core/formats/record_text.h"
#include "core/runtime/log.h"

namespace slicemill {

namespace {

constexpr std::size_t kTailBytes = 64U * 1024;  // steps in which a record that goes on behind its range is finished
constexpr std::size_t kGrowingChunkBytes = 256U * 1024;  // of formats whose records are longer than their text

// Records that were made apart move into the batch in one copy.
void move_records(RecordText& text, RecordBatch& batch) {
  if (text.ends().empty()) return;
  char* space = batch.allocate(text.size());
  std::memcpy(space, text.data(), text.size());
  std::size_t begin = 0;
  for (const std::size_t end : text.ends()) {
    batch.records.emplace_back(space + begin, end - begin);
    begin = end;
  }
  text.clear();
}

// What all formats of one record a line have in common.
class LineParser : public ChunkParser {
 public:
  LineParser(const FileReading& reading, LineRange range, bool skip_blank, const ParsedSource& source)
      : cutter_({reading.line_delimiter, skip_blank}, range),
        range_(range),
        source_(source.name),
        rejecter_(source.rejecter) {}

  std::uint64_t position() const final { return cutter_.position(); }
  bool done() const final { return cutter_.done(); }

  std::size_t wanted(std::size_t held) const final {
    const std::uint64_t at = cutter_.position() + held;
    const std::size_t step = std::max(RecordBatch::kTargetBytes, held);
    if (at >= range_.end) return std::max(kTailBytes, held);
    return static_cast<std::size_t>(std::min<std::uint64_t>(step, range_.end - at));
  }

 protected:
  // A record that cannot be used; `at` is the byte that shows it.
  Result<void> reject(std::span<char> chunk, std::uint64_t chunk_at, std::string_view record, const char* at,
                      std::string_view problem) {
    const auto offset = [&](const char* place) { return chunk_at + static_cast<std::uint64_t>(place - chunk.data()); };
    return rejecter_.reject(record,
                            Error(ErrorCode::invalid,
                                  fmt::format("byte {}: {}, in the line that begins at byte {}: {}", offset(at),
                                              problem, offset(record.data()), text_head(record)),
                                  false),
                            fmt::format("{}: byte {}", source_, offset(record.data())));
  }

  Result<void> reject_bad_text(std::span<char> chunk, std::uint64_t chunk_at, std::string_view record, std::size_t at,
                               std::string_view advice) {
    return reject(chunk, chunk_at, record, record.data() + at,
                  fmt::format("not UTF-8 (0x{:02x}{})", static_cast<unsigned char>(record[at]), advice));
  }

  LineCutter cutter_;
  LineRange range_;
  std::string_view source_;
  RecordRejecter& rejecter_;
};

// The first record that is not UTF-8 is looked for only if the whole is not.
bool is_all_utf8(const std::vector<std::string_view>& records) {
  if (records.empty()) return true;
  const char* begin = records.front().data();
  return is_utf8({begin, static_cast<std::size_t>(records.back().data() + records.back().size() - begin)});
}

// ldjson: lines are views into the chunk, each checked to be one JSON value.
class LdjsonParser final : public LineParser {
 public:
  LdjsonParser(const FileReading& reading, LineRange range, const ParsedSource& source, JsonIndexer& indexer)
      : LineParser(reading, range, true, source),
        may_hold_line_ends_(reading.line_delimiter != "\n"),
        indexer_(indexer) {}

  bool needs_batch_space() const override { return true; }

  Result<std::size_t> parse(std::span<char> chunk, bool last, RecordBatch& batch) override {
    const std::uint64_t chunk_at = cutter_.position();
    const std::size_t used = cutter_.cut({chunk.data(), chunk.size()}, last, batch.records);
    if (!may_hold_line_ends_ && chunk.size() <= kIndexedChunk) {
      if (indexer_.index(batch.records, batch.tokens)) return used;
      const auto& texts = batch.tokens.texts();
      RETURN_IF_ERROR(check(chunk, chunk_at, batch, [&](std::size_t record) { return texts[record].is_good; }));
      return used;
    }
    RETURN_IF_ERROR(check(chunk, chunk_at, batch, [](std::size_t) { return false; }));
    return used;
  }

 private:
  // A chunk grows for a record that is longer than a batch. Tokens take eight bytes each, so such a one is only
  // scanned.
  static constexpr std::size_t kIndexedChunk = 4 * RecordBatch::kTargetBytes;

  template <typename IsGood>
  Result<void> check(std::span<char> chunk, std::uint64_t chunk_at, RecordBatch& batch, const IsGood& is_good) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const std::string_view record = batch.records[i];
      if (!is_good(i)) {
        const JsonScan scan = check_json_text(record);
        const std::size_t good_text = is_utf8(record) ? record.size() : find_bad_utf8(record);
        if (good_text != record.size()) {
          RETURN_IF_ERROR(reject_bad_text(chunk, chunk_at, record, good_text, ""));
          continue;
        }
        if (scan.state != JsonScan::State::complete) {
          RETURN_IF_ERROR(reject(chunk, chunk_at, record, scan.at, scan.problem));
          continue;
        }
      }
      batch.records[kept++] = may_hold_line_ends_ ? without_line_ends(chunk, record) : record;
    }
    batch.records.resize(kept);
    return {};
  }

  // White space between tokens may be a line end if lines end with something else.
  static std::string_view without_line_ends(std::span<char> chunk, std::string_view record) {
    if (record.find_first_of("\r\n") == std::string_view::npos) return record;
    char* text = chunk.data() + (record.data() - chunk.data());
    return {text, compact_json(text, record.size())};
  }

  bool may_hold_line_ends_;
  JsonIndexer& indexer_;
};

// raw with raw records, and ldjson with them: lines as they are.
class BytesParser final : public LineParser {
 public:
  using LineParser::LineParser;

  bool needs_batch_space() const override { return true; }

  Result<std::size_t> parse(std::span<char> chunk, bool last, RecordBatch& batch) override {
    return cutter_.cut({chunk.data(), chunk.size()}, last, batch.records);
  }
};

// raw: {"data":"<line>"}.
class DataParser final : public LineParser {
 public:
  using LineParser::LineParser;

  bool needs_batch_space() const override { return false; }

  Result<std::size_t> parse(std::span<char> chunk, bool last, RecordBatch& batch) override {
    constexpr std::string_view kOpening = R"({"data":")";
    const std::uint64_t chunk_at = cutter_.position();
    lines_.clear();
    const std::size_t used = cutter_.cut({chunk.data(), chunk.size()}, last, lines_);
    const bool is_text = is_all_utf8(lines_);
    for (std::string_view line : lines_) {
      if (!is_text && !is_utf8(line)) {
        RETURN_IF_ERROR(reject_bad_text(chunk, chunk_at, line, find_bad_utf8(line),
                                        "; `_encoding: raw` passes bytes on as they are"));
        continue;
      }
      char* p = text_.reserve(kOpening.size() + json_escaped_limit(line.size()) + 2);
      std::memcpy(p, kOpening.data(), kOpening.size());
      p = write_json_escaped(p + kOpening.size(), line);
      *p++ = '"';
      *p++ = '}';
      text_.advance(p);
      text_.end_record();
    }
    move_records(text_, batch);
    return used;
  }

 private:
  std::vector<std::string_view> lines_;
  RecordText text_;
};

class JsonParser final : public ChunkParser {
 public:
  explicit JsonParser(const ParsedSource& source) : source_(source), scanner_(on_bad_element()) {}

  std::uint64_t position() const override { return scanner_.position(); }
  std::size_t wanted(std::size_t held) const override { return std::max(RecordBatch::kTargetBytes, held); }
  bool needs_batch_space() const override { return true; }
  bool done() const override { return scanner_.done(); }

  Result<std::size_t> parse(std::span<char> chunk, bool last, RecordBatch& batch) override {
    return scanner_.scan(chunk, last, batch.records);
  }

 private:
  JsonArrayScanner::OnBadElement on_bad_element() {
    if (source_.rejecter.fails_slice()) return nullptr;
    return [this](const BadElement& bad) {
      return source_.rejecter.reject(bad.text,
                                     Error(bad.error.code,
                                           fmt::format("{}, in the element that begins at byte {}: {}",
                                                       bad.error.message, bad.at, text_head(bad.text)),
                                           false),
                                     fmt::format("{}: byte {}", source_.name, bad.at));
    };
  }

  ParsedSource source_;
  JsonArrayScanner scanner_;
};

CsvOptions csv_options(const FileReading& reading, std::uint64_t begin, RowsStart rows) {
  CsvOptions options = reading.csv();
  options.first_byte = begin;
  options.first_line = rows.line;
  options.is_part = rows.is_part;
  options.header = std::move(rows.header);
  options.inferred_types = std::move(rows.types);
  return options;
}

class CsvParser final : public ChunkParser {
 public:
  CsvParser(const FileReading& reading, std::uint64_t begin, RowsStart rows, const ParsedSource& source)
      : reading_(reading),
        source_(source.name),
        finds_types_(rows.finds_types),
        options_(csv_options(reading, begin, std::move(rows))),
        position_(begin),
        on_bad_row_([name = source.name, &rejecter = source.rejecter](const BadCsvRow& row) {
          return rejecter.reject(row.text, Error(row.error.code, row.error.message + ": " + text_head(row.text), false),
                                 fmt::format("{}: line {}, byte {}", name, row.line, row.byte));
        }) {}

  std::uint64_t position() const override { return position_; }
  std::size_t wanted(std::size_t held) const override { return std::max(kGrowingChunkBytes, held); }
  bool needs_batch_space() const override { return false; }
  bool done() const override { return done_; }
  const std::vector<std::string>* columns() const override { return reader_ ? reader_->columns() : nullptr; }

  Result<std::size_t> parse(std::span<char> chunk, bool last, RecordBatch& batch) override {
    if (!reader_ && !begin({chunk.data(), chunk.size()}, last)) return std::size_t{0};
    ASSIGN_OR_RETURN(const std::size_t used, reader_->read({chunk.data(), chunk.size()}, last, text_, on_bad_row_));
    move_records(text_, batch);
    position_ += used;
    done_ = last && used == chunk.size();
    return used;
  }

 private:
  // False: no row shows a type yet.
  bool begin(std::string_view text, bool last) {
    if (finds_types_) {
      TypeSample sample(reading_);
      (void)sample.take(text, last);  // what is wrong with it the reader says
      if (sample.rows() == 0 && !last && text.size() < kSampleBytes) return false;
      options_.inferred_types = sample.types();
      log(LogLevel::info, "{}: types of columns: {}; inferred from {} rows", source_, sample.to_text(), sample.rows());
    }
    reader_.emplace(std::move(options_));
    return true;
  }

  const FileReading& reading_;
  std::string_view source_;
  bool finds_types_;
  CsvOptions options_;  // until the reader is made
  std::optional<CsvReader> reader_;
  RecordText text_;
  std::uint64_t position_;
  CsvReader::OnBadRow on_bad_row_;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<ChunkParser> make_chunk_parser(const FileReading& reading, LineRange range, RowsStart rows,
                                               const ParsedSource& source, JsonIndexer& indexer) {
  if (is_line_based(reading.format) && reading.raw_records) {
    return std::make_unique<BytesParser>(reading, range, reading.ignore_empty, source);
  }
  switch (reading.format) {
    case RecordFormat::ldjson:
      return std::make_unique<LdjsonParser>(reading, range, source, indexer);
    case RecordFormat::raw:
      return std::make_unique<DataParser>(reading, range, reading.ignore_empty, source);
    case RecordFormat::json:
      return std::make_unique<JsonParser>(source);
    case RecordFormat::csv:
    case RecordFormat::tsv:
      return std::make_unique<CsvParser>(reading, range.begin, std::move(rows), source);
  }
  return nullptr;
}

}  // namespace slicemill
