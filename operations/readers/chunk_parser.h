// Turns the text of a file into records of a batch, chunk by chunk. One parser per slice, one kind per format; it never
// reads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/file_reading.h"
#include "core/formats/json_tokens.h"
#include "core/formats/line_cutter.h"
#include "operations/operation.h"

namespace slicemill {

class ChunkParser {
 public:
  virtual ~ChunkParser() = default;

  // Where in the text the bytes for the next parse() begin.
  virtual std::uint64_t position() const = 0;
  // How many more bytes are worth reading when `held` are left over from the last chunk.
  virtual std::size_t wanted(std::size_t held) const = 0;
  // Records are views into the chunk, so it must lie in the batch.
  virtual bool needs_batch_space() const = 0;
  // No more chunks are needed.
  virtual bool done() const = 0;

  // The names of the source's columns, where it has them and they are known.
  virtual const std::vector<std::string>* columns() const { return nullptr; }

  // chunk: what was left over from the last one with new bytes behind it, RecordBatch::kPadding readable ones behind;
  // `last`: the text ends there. Returns how many bytes are used up; the rest is shown again. invalid: the message says
  // where, without the file's name.
  virtual Result<std::size_t> parse(std::span<char> chunk, bool last, RecordBatch& batch) = 0;
};

// What is parsed, for places in it, and who decides what becomes of broken lines.
struct ParsedSource {
  std::string_view name;
  RecordRejecter& rejecter;
};

// Where a part of a file begins that was cut by rows (core/formats/csv_rows.h).
struct RowsStart {
  std::uint64_t line = 1;
  bool is_part = false;      // it begins behind the header
  std::string header{};      // CsvOptions::header
  InferredTypes types{};     // that were found for the columns
  bool finds_types = false;  // nobody has looked yet: what is read first shows them
};

// range: for the formats that are cut; the others take all. A part that is cut by rows is exactly its range. Name,
// rejecter and indexer outlive the parser.
std::unique_ptr<ChunkParser> make_chunk_parser(const FileReading& reading, LineRange range, RowsStart rows,
                                               const ParsedSource& source, JsonIndexer& indexer);

}  // namespace slicemill
