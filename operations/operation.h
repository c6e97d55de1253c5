// The contract of operations: Reader, Processor, Sender, and the RecordBatch that passes through them.
//
// An operation object belongs to one worker and runs on its operation thread only. Errors are values; a thrown
// exception is caught once, in slice_runner, and fails the slice. A slice streams through as batches of a quarter
// of a megabyte; nothing here builds a DOM unless it must.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/formats/json_tokens.h"
#include "core/model/connections.h"
#include "core/model/job_spec.h"
#include "core/model/operation_schema.h"
#include "core/model/output_facts.h"
#include "core/model/record_metadata.h"
#include "core/model/slice.h"
#include "core/outputs/sink_type.h"
#include "core/runtime/files.h"
#include "core/runtime/json.h"
#include "core/runtime/result.h"
#include "operations/record_quarantine.h"
#include "operations/record_remarks.h"

namespace slicemill {

// Bytes plus views. Every record is followed by at least kPadding readable bytes (simdjson reads ahead), whatever they
// hold.
class RecordBatch {
 public:
  static constexpr std::size_t kPadding = 64;
  static constexpr std::size_t kTargetBytes = 256 << 10;
  static constexpr std::size_t kKeptBytes = 4 << 20;

  // The records, in order. Each is one encoded value (JSON text, or raw bytes if the operation says so),
  // without line ends.
  std::vector<std::string_view> records;

  // By record; empty: no operation before has told any. Who changes `records` keeps this in step (RecordKeeper).
  std::vector<RecordMetadata> metadata;

  // Of records that were found to be objects or arrays: as they were then, in their order (operations/record_tokens.h).
  // A record that has been dropped or replaced since leaves its entry behind.
  JsonTokens tokens;

  // Space that lives as long as the batch: size bytes, plus kPadding readable ones behind them.
  char* allocate(std::size_t size);
  // Gives back the unused tail of the last allocate().
  void shrink_last(char* start, std::size_t used);
  // A copy of the bytes that lives as long as the batch.
  std::string_view copy(std::string_view bytes);
  // Copies a record's bytes in and appends it.
  void append_copy(std::string_view record);
  // The same of record i of another batch, with its metadata.
  void append_copy(const RecordBatch& other, std::size_t i);
  // Room for the metadata of each record.
  void begin_metadata() { metadata.resize(records.size()); }
  // The other one's records, in the place of what is here, without their bytes: the other one must stay as it is until
  // clear(). This one may be changed like any other.
  void borrow(const RecordBatch& other);
  bool borrows() const { return borrows_; }
  // Forgets records and space (keeps some blocks for the next use, at most kKeptBytes).
  void clear();

  std::size_t bytes() const;  // of the records

 private:
  struct Block {
    std::unique_ptr<char[]> data;
    std::size_t size = 0;
    std::size_t used = 0;
  };
  std::vector<Block> blocks_;
  std::size_t current_ = 0;  // block that is being filled; those behind it are empty
  bool borrows_ = false;
};

// Leaves records out of a batch, or replaces them, while it is walked from the first record to the last.
class RecordKeeper {
 public:
  explicit RecordKeeper(RecordBatch& batch) : batch_(batch), has_metadata_(!batch.metadata.empty()) {}

  // Record i stays, as these bytes. Requires: i rises.
  void keep(std::size_t i, std::string_view record) {
    batch_.records[kept_] = record;
    if (has_metadata_) batch_.metadata[kept_] = batch_.metadata[i];
    ++kept_;
  }
  // All others go.
  void end() {
    batch_.records.resize(kept_);
    if (has_metadata_) batch_.metadata.resize(kept_);
  }

 private:
  RecordBatch& batch_;
  const bool has_metadata_;
  std::size_t kept_ = 0;
};

// What an operation may know of the slice it works for. Valid from open() to the end of the slice.
struct SliceContext {
  // For operations that wait: true as soon as nobody wants the slice any more. May be null; set from any thread.
  const std::atomic<bool>* cancelled = nullptr;

  SliceKey key;
  Attempt attempt;
  std::string_view origin_ex_id;  // the execution that created the slice
  // Computed each time: most operations never ask.
  std::string slice_id() const { return slicemill::slice_id(origin_ex_id, key); }
  std::string_view request;  // JSON object
  WallMs created_ms = 0;
  std::string_view ex_id;
  std::string_view lineage_id;  // the first execution of the chain: names the staging directory
};

// Where operations run.
struct RunnerPlace {
  std::string worker_id;
  std::string log_directory{};  // of the execution; "": nothing is kept beside the log
};

// Made once per worker.
struct OperationContext {
  OperationSpec operation;  // its options are normalised by validation; optional ones may be absent
  JobSpec job;
  std::size_t index = 0;  // number of the node in the job's plan
  std::string worker_id;
  Files* files = &posix_files();           // what the operation reads and writes itself
  RecordQuarantine* quarantine = nullptr;  // of the pipeline; null: nothing can be quarantined, a bad record fails
  RecordRemarks* remarks = nullptr;        // of the pipeline; null: there is nobody to tell
  const Connections* connections = &process_connections();
  std::string log_directory{};  // see RunnerPlace

  // What users call the node: "operations[1]", or its id. With the operation: "operations[1] filter", "clean (filter)".
  std::string node() const;
  std::string place() const;
  // The place before the text. Not made yet.
  OperationRemark remark(std::string_view text) const;

  // Where the files of a bundle are that the job lists in `assets`: by id, by name, or as the job wrote it
  // ("name:1.2.3"). Absolute, without a slash at the end; "" if the job has no such bundle.
  std::string asset_directory(std::string_view asset_id_or_name) const;
};

// What becomes of a record that an operation cannot work on (OperationSpec::bad_records). A member of every
// operation that looks into records, made from its context:
//   if (auto bad = ...) RETURN_IF_ERROR(rejecter_.reject(batch, i, bad.error()));   // then leave the record out of the
//   batch
class RecordRejecter {
 public:
  RecordRejecter() = default;  // every rejection fails the slice
  explicit RecordRejecter(const OperationContext& context);

  // fail_slice: the error, not retryable. log: writes a line to the log. drop: nothing. quarantine: keeps the record as
  // it is given, which must be as it reached the operation. Without an error the record is to be dropped. place: where
  // in its source the record is, for readers; "" lets the slice's request say it.
  Result<void> reject(std::string_view record, const Error& why, std::string_view place = {}) {
    return reject(record, {}, why, place);
  }
  // The same of record i of the batch, whose metadata is kept with it.
  Result<void> reject(const RecordBatch& batch, std::size_t i, const Error& why) {
    return reject(batch.records[i], batch.metadata.empty() ? RecordMetadata() : batch.metadata[i], why, {});
  }
  // The same for a record that the operation made, and of which it does not know what it made it from: it cannot be
  // brought back, so with `quarantine` the slice fails, and the records it was made from are looked for.
  Result<void> reject_product(std::string_view record, const Error& why);
  std::uint64_t rejected() const { return rejected_; }
  // Every rejection fails the slice, so that nothing behind the first one matters.
  bool fails_slice() const { return action_ == BadRecords::fail_slice; }

 private:
  Result<void> reject(std::string_view record, const RecordMetadata& metadata, const Error& why,
                      std::string_view place);

  BadRecords action_ = BadRecords::fail_slice;
  std::string place_;
  PipelineEntry entry_;  // where the records that it rejects go on when they run again
  RecordQuarantine* quarantine_ = nullptr;
  std::uint64_t rejected_ = 0;
};

class Operation {
 public:
  virtual ~Operation() = default;
  virtual Result<void> initialize(const OperationContext& context) = 0;
};

class Reader : public Operation {
 public:
  virtual Result<void> open(const SliceContext& slice) = 0;
  // The same for a text that it could not make a record of before, given as it was rejected.
  virtual Result<void> open_text(const SliceContext& slice, std::string_view text);
  // Fills the (cleared) batch; an empty one means the end of the slice.
  virtual Result<void> read(RecordBatch& batch) = 0;
  // Of what was read last: the names of the source's columns, in order, whether a record has them or not. Null: the
  // source has none. Holds until the next call.
  virtual const std::vector<std::string>* columns() const { return nullptr; }
};

class Processor : public Operation {
 public:
  virtual Result<void> begin(const SliceContext&) { return {}; }
  // Changes the batch in place: drops records, replaces views. May be called any number of times per slice.
  virtual Result<void> process(RecordBatch& batch) = 0;
  // End of the slice: may append what it held back.
  virtual Result<void> finish(RecordBatch&) { return {}; }
  // Asked after process() and after finish() until it says false: for those that give more batches than they take. The
  // batch holds what went on before; it is cleared and filled anew.
  virtual Result<bool> more(RecordBatch&) { return false; }
  // The slice that began ends here: it failed or was cancelled. Safe at any time.
  virtual void abandon() {}
  // False: it leaves batches as they are. Asked once it is initialized.
  virtual bool changes_batches() const { return true; }
  // What becomes of the names of the source's columns (Reader::columns). By default nothing is known of them.
  virtual void change_columns(std::vector<std::string>& columns) const { columns.clear(); }
};

// What a sender made of a slice.
struct StagedOutput {
  OutputFacts facts;
  // What is left to do before the facts may be told: makes the output durable. Runs once, on any thread, maybe beside
  // the sender's next slice, so that a worker need not wait for the disk. Null: nothing is left.
  std::function<Result<void>()> sync{};
  // For a slicer whose further slices follow from this one (Slicer::on_completed).
  std::string value{};
};

// By its commit class (core/model/operation_schema.h): staged, it stages and reports facts, and the controller
// publishes what the ledger decided; claimed, it commits in its target and reports the facts of the attempt that has
// committed, which may be another one.
class Sender : public Operation {
 public:
  virtual Result<void> begin(const SliceContext& slice) = 0;
  // False: it leaves batches as they are, since it rejects no record. Asked once it is initialized.
  virtual bool changes_batches() const { return true; }
  // Leaves records out of the batch that it rejects.
  virtual Result<void> write(RecordBatch& batch) = 0;
  // The source of the next records has these columns: for senders that write tables. After begin().
  virtual Result<void> expect_columns(const std::vector<std::string>&) { return {}; }
  // Staged: everything under this attempt's name, durable once it is synced; nothing visible yet. Claimed: committed.
  virtual Result<StagedOutput> stage() = 0;
  // Forgets the attempt, unless it is staged; safe at any time after begin().
  virtual void abandon() = 0;
};

// A row of the list of operations (operations/builtin_operations.cc).
struct OperationEntry {
  OperationSchema schema;
  std::function<std::unique_ptr<Operation>()> make;
};

// The schema of a sender that the controller has a part in (connectors/sink_types.h), begun with what its sink says.
OperationSchema schema_of_sink(const SinkType& sink);

class OperationRegistry final : public OperationCatalog {
 public:
  void add(OperationEntry entry);
  const OperationSchema* find(std::string_view name) const override;
  std::vector<const OperationSchema*> all() const override;
  // nullptr: no such operation.
  std::unique_ptr<Operation> make(std::string_view name) const;

 private:
  std::vector<OperationEntry> entries_;
};

// Every operation that this build knows.
const OperationRegistry& builtin_operations();

}  // namespace slicemill
