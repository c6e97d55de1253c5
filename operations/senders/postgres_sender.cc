#include "operations/senders/postgres_sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "connectors/postgres/claims.h"
#include "connectors/postgres/postgres_connection.h"
#include "connectors/postgres/postgres_sink.h"
#include "connectors/postgres/row_batches.h"
#include "connectors/postgres/session.h"
#include "connectors/postgres/target_table.h"
#include "core/outputs/output_hash.h"
#include "core/runtime/fault.h"
#include "core/runtime/log.h"
#include "core/runtime/text.h"
#include "operations/json_record.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

using postgres::Claim;
using postgres::Claims;
using postgres::RowBatches;
using postgres::Session;
using postgres::TargetOptions;

// Rows that are held until they are written. A longer slice is written in parts of one transaction.
constexpr std::size_t kPartBytes = 8 << 20;
constexpr int kTransactionTries = 3;      // of what may pass in a moment
constexpr std::size_t kMostBadRows = 64;  // of a part: each of them costs another COPY
constexpr auto kPause = std::chrono::milliseconds(100);

// Rows are held as text of COPY. At the end of the slice one transaction has the claim first, then the rows: whoever
// else writes the slice waits for the claim, and adopts what it says.
class PostgresSender final : public Sender {
 public:
  Result<void> initialize(const OperationContext& context) override {
    ASSIGN_OR_RETURN(connection_, context.connections->of(context.operation.options, kPostgres));
    ASSIGN_OR_RETURN(options_, TargetOptions::from(context.operation.options));
    rejecter_ = RecordRejecter(context);
    place_ = context.place();
    quarantine_ = context.quarantine;
    sink_ = claim_sink(context.job.plan, context.index);
    return {};
  }

  Result<void> begin(const SliceContext& slice) override {
    forget_slice();
    slice_ = slice;
    id_ = slice.slice_id();
    return as_obstacle(probe());
  }

  Result<void> write(RecordBatch& batch) override {
    if (adopted_) return {};
    if (batch.records.empty()) return {};
    if (!rows_) return hold(batch);
    return as_obstacle(add(batch));
  }

  bool changes_batches() const override { return !rejecter_.fails_slice(); }

  Result<StagedOutput> stage() override {
    auto committed = adopted_ ? Result<void>() : as_obstacle(commit());
    if (!committed) return committed.error();
    StagedOutput output{adopted_ ? adopted_->facts() : told_.facts(), nullptr};
    if (adopted_) RETURN_IF_ERROR(adopt_records());
    forget_slice();
    return output;
  }

  void abandon() override { forget_slice(); }

 private:
  // ---- the session ----

  Result<void> make_session() {
    if (session_ && !is_clean_ && !session_->reset()) session_.reset();
    is_clean_ = false;
    in_transaction_ = false;
    if (session_) {
      session_->set_cancelled(slice_.cancelled);
      return {};
    }
    rows_.reset();
    claims_.reset();
    staging_tables_.clear();
    ASSIGN_OR_RETURN(session_, Session::connect(*connection_, slice_.cancelled));
    // What was told to the controller as committed must outlive the server.
    return session_->execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'");
  }

  Result<void> find_table() {
    if (!claims_ || lineage_ != slice_.lineage_id) {
      ASSIGN_OR_RETURN(std::string schema, schema_of(*session_, options_.table));
      lineage_ = slice_.lineage_id;
      claims_.emplace(std::move(schema), lineage_, sink_);
    }
    if (rows_) return {};
    ASSIGN_OR_RETURN(auto table, describe_target(*session_, options_));
    if (!table && !options_.creates_table) return no_such_table(options_);
    if (table) rows_ = std::make_unique<RowBatches>(std::move(*table), options_);
    return {};
  }

  // Has the slice been committed already? Void: it was given up.
  Result<void> probe() {
    RETURN_IF_ERROR(make_session());
    RETURN_IF_ERROR(find_table());
    auto found = claims_->find(*session_, id_, slice_.attempt.epoch);
    if (!found) return found.error();
    if (*found) return adopt(std::move(**found));
    is_clean_ = true;
    return {};
  }

  Result<void> adopt(Claim claim) {
    if (claim.is_void)
      return Error(ErrorCode::conflict,
                   fmt::format("the slice was given up: {} keeps it from being written by attempts up to epoch {}",
                               claims_->table(), claim.attempt.epoch),
                   false);
    log(LogLevel::info, "slice {} was committed by attempt {}/{} already", id_, claim.attempt.epoch, claim.attempt.n);
    adopted_ = std::move(claim);
    if (rows_) rows_->clear();
    return {};
  }

  // Records that the other attempt rejected here: this one has not tried to write them.
  Result<void> adopt_records() {
    for (QuarantinedRecord& record : adopted_->quarantined)
      if (record.operation == place_ && quarantine_ != nullptr) RETURN_IF_ERROR(quarantine_->add(std::move(record)));
    return {};
  }

  // ---- records ----

  Result<void> add(RecordBatch& batch) {
    RecordTokens tokens(batch, indexer_);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const std::string_view record = batch.records[i];
      const auto object = tokens.object(i);
      const auto added = object ? rows_->add(*object, records_.records.size()) : Result<void>(not_an_object(record));
      if (!added) {
        RETURN_IF_ERROR(rejecter_.reject(record, in_record(added.error(), record)));
        continue;
      }
      records_.append_copy(record);
      batch.records[kept++] = record;
    }
    batch.records.resize(kept);
    return rows_->bytes() < kPartBytes ? Result<void>() : write_part();
  }

  // There is no table yet: its columns are those of the first records.
  Result<void> hold(const RecordBatch& batch) {
    for (const std::string_view record : batch.records) held_.append_copy(record);
    return held_.bytes() < kPartBytes ? Result<void>() : make_table();
  }

  Result<void> make_table() {
    if (rows_ || held_.records.empty()) return {};
    auto columns = options_.columns;
    if (columns.empty()) {
      postgres::ColumnTypes types;
      RecordTokens tokens(held_, indexer_);
      for (std::size_t i = 0; i < held_.records.size(); ++i)
        if (const auto object = tokens.object(i))
          object->visit_members(
              [&](const JsonName& name, const JsonValue& value) { types.see(name.text(), value.bytes()); });
      columns = types.columns();
      if (columns.empty())
        return Error(ErrorCode::invalid, "create_table: the first records have no fields to make columns of", false);
    }
    RETURN_IF_ERROR(create_target(*session_, options_, columns));
    RETURN_IF_ERROR(find_table());
    held_.tokens.clear();
    auto added = add(held_);
    held_.clear();
    return added;
  }

  static Error in_record(Error error, std::string_view record) {
    if (error.message.find(record_head(record)) == std::string::npos)
      error.message += fmt::format(", in {}", record_head(record));
    return error;
  }

  // ---- the transaction ----

  // What the server has of it is lost with the connection, and what this process has of it as well once a part was
  // written: then the next attempt writes the slice.
  Result<void> commit() {
    for (int tries = 1;; ++tries) {
      const bool has_parts = has_parts_;
      auto done = finish();
      if (done || has_parts) return done;
      const ErrorCode code = done.error().code;
      const bool may_pass = code == ErrorCode::unavailable || code == ErrorCode::conflict;
      const bool is_fenced = !done.error().retryable;
      if (!may_pass || is_fenced || tries == kTransactionTries || is_cancelled()) return done;
      std::this_thread::sleep_for(kPause * tries);
      has_parts_ = false;
      // The claim says what became of it.
      auto rows = std::exchange(rows_, nullptr);
      auto again = make_session();
      if (again) again = find_claims();
      rows_ = std::move(rows);
      if (!again) return again;
    }
  }

  Result<void> find_claims() {
    if (claims_) return {};
    ASSIGN_OR_RETURN(std::string schema, schema_of(*session_, options_.table));
    claims_.emplace(std::move(schema), lineage_, sink_);
    return {};
  }

  Result<void> finish() {
    RETURN_IF_ERROR(make_table());
    RETURN_IF_ERROR(begin_transaction());
    if (adopted_) return {};
    RETURN_IF_ERROR(write_rows());
    told_.checksum = hash_.digest();
    if (quarantine_ != nullptr) told_.quarantined = quarantine_->records();
    RETURN_IF_ERROR(claims_->tell(*session_, id_, told_));
    RETURN_IF_ERROR(fault("claimed"));
    RETURN_IF_ERROR(session_->commit());
    RETURN_IF_ERROR(fault("claim_committed"));
    is_clean_ = true;
    return {};
  }

  Result<void> begin_transaction() {
    if (in_transaction_) return {};
    is_clean_ = false;
    told_ = {};
    hash_.reset();
    // A slice without records has a claim as well: another attempt might find some.
    ASSIGN_OR_RETURN(in_transaction_, claims_->begin(*session_, id_, slice_.attempt, std::string(slice_.ex_id)));
    if (in_transaction_) return fault("claiming");
    auto found = claims_->find(*session_, id_, slice_.attempt.epoch);
    if (!found) return found.error();
    if (*found) return adopt(std::move(**found));
    return Error(ErrorCode::conflict, "the claim of the slice could not be written, and is not there");
  }

  Result<void> write_part() {
    RETURN_IF_ERROR(begin_transaction());
    if (adopted_) return {};
    has_parts_ = true;
    RETURN_IF_ERROR(write_rows());
    rows_->clear();
    records_.clear();
    return {};
  }

  Result<void> write_rows() {
    if (!rows_) return {};
    for (RowBatches::Batch& batch : rows_->batches()) {
      RETURN_IF_ERROR(write_batch(batch));
      hash_.update(batch.text);
      told_.records += batch.ends.size();
      told_.bytes += batch.text.size();
    }
    return {};
  }

  // Without the rows that the server does not take, if the job wants it so.
  Result<void> write_batch(RowBatches::Batch& batch) {
    for (std::size_t bad = 0; !batch.ends.empty(); ++bad) {
      if (!rejecter_.fails_slice()) RETURN_IF_ERROR(session_->execute("SAVEPOINT slicemill"));
      auto written = put(batch);
      if (written) {
        if (!rejecter_.fails_slice()) RETURN_IF_ERROR(session_->execute("RELEASE SAVEPOINT slicemill"));
        return {};
      }
      if (written.error().code != ErrorCode::invalid) return written;
      const auto row = session_->failed_row(copied_table_);
      if (!row || *row > batch.records.size()) return written;
      const std::size_t line = *row - 1;
      const std::string_view record = records_.records[batch.records[line]];
      if (bad == kMostBadRows)
        return Error(
            ErrorCode::invalid,
            fmt::format("more than {} rows of the slice do not fit: {}", kMostBadRows, written.error().message), false);
      RETURN_IF_ERROR(rejecter_.reject(record, in_record(written.error(), record)));
      RETURN_IF_ERROR(session_->execute("ROLLBACK TO SAVEPOINT slicemill"));
      RowBatches::remove(batch, line);
    }
    return {};
  }

  Result<void> put(RowBatches::Batch& batch) {
    if (!options_.upserts) {
      copied_table_ = rows_->table().name.table;
      return copy(rows_->table().name.quoted(), batch);
    }
    ASSIGN_OR_RETURN(const std::string staging, staging_table(batch));
    copied_table_ = staging;
    RETURN_IF_ERROR(copy("pg_temp." + staging, batch));
    return session_->execute(rows_->upsert_from("pg_temp." + staging, batch));
  }

  Result<void> copy(const std::string& table, const RowBatches::Batch& batch) {
    RETURN_IF_ERROR(session_->begin_copy_in(rows_->copy_into(table, batch)));
    if (auto put = session_->put_copied(batch.text); !put) {
      auto ended = session_->end_copy_in();  // the server has said why
      return ended ? put : Result<void>(ended.error());
    }
    ASSIGN_OR_RETURN(const std::uint64_t count, session_->end_copy_in());
    if (count == batch.ends.size() || options_.upserts) return {};
    // A trigger or a rule may leave rows out: the claim would count rows that are not there.
    return Error(
        ErrorCode::invalid,
        fmt::format("{} took {} of {} rows: a trigger or rule leaves rows out", table, count, batch.ends.size()),
        false);
  }

  // Empty, with the columns of the batch and no constraints: one for each shape, for as long as the session.
  Result<std::string> staging_table(const RowBatches::Batch& batch) {
    const auto found = std::ranges::find(staging_tables_, batch.shape);
    const auto number = static_cast<std::size_t>(found - staging_tables_.begin());
    std::string name = fmt::format("slicemill_rows_{}", number);
    if (found == staging_tables_.end()) staging_tables_.push_back(batch.shape);
    // It goes with a transaction that made it and is rolled back.
    std::string sql =
        fmt::format("CREATE TEMP TABLE IF NOT EXISTS {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} WITH NO DATA", name,
                    join(rows_->names(batch), ", "), rows_->table().name.quoted());
    sql += fmt::format("; ALTER TABLE pg_temp.{0} ADD COLUMN IF NOT EXISTS slicemill_n bigserial; TRUNCATE pg_temp.{0}",
                       name);
    RETURN_IF_ERROR(session_->execute(sql));
    return name;
  }

  bool is_cancelled() const { return slice_.cancelled != nullptr && slice_.cancelled->load(std::memory_order_relaxed); }

  // Nobody's fault: the slice is not charged, and others are not begun until the server is there again.
  Result<void> as_obstacle(Result<void> done) const {
    if (done || !options_.waits) return done;
    Error error = done.error();
    if (error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout) error.obstacle = true;
    return error;
  }

  // The table may have been changed: after an error it is looked at anew.
  void forget_slice() {
    if (!is_clean_ && session_ && !session_->reset()) session_.reset();
    if (!is_clean_) rows_.reset();
    is_clean_ = true;
    in_transaction_ = false;
    has_parts_ = false;
    adopted_.reset();
    if (rows_) rows_->clear();
    records_.clear();
    held_.clear();
  }

  const Connection* connection_ = nullptr;
  TargetOptions options_;
  RecordRejecter rejecter_;
  std::string place_;
  RecordQuarantine* quarantine_ = nullptr;
  std::string sink_;
  JsonIndexer indexer_;
  std::unique_ptr<Session> session_;
  bool is_clean_ = true;  // nothing of a slice is left in it
  std::string lineage_;
  std::optional<Claims> claims_;
  std::unique_ptr<RowBatches> rows_;         // nothing: there is no table yet
  std::vector<std::string> staging_tables_;  // by their numbers: the shape that each is for
  std::string copied_table_;                 // that the last COPY was into
  // of the slice
  SliceContext slice_;
  std::string id_;
  RecordBatch records_;  // of the rows that are held
  RecordBatch held_;     // that wait for the table
  std::optional<Claim> adopted_;
  Claim told_;
  OutputHash hash_;
  bool in_transaction_ = false;
  bool has_parts_ = false;  // of the rows some are with the server alone
};

std::vector<OptionSpec> sender_options() {
  return {
      {.name = "table",
       .type = OptionType::text,
       .description =
           "Table, as `TABLE` or `SCHEMA.TABLE`, in the letters that it was made with; a part in double quotes may "
           "have dots in it. Fields are written to the columns of the same names.",
       .required = true},
      {.name = "mode",
       .type = OptionType::text,
       .description =
           "insert: each record is a new row. upsert: a row with the same `key` gets the values of the record; of "
           "several records of a slice with one key the last one counts, and columns without a field stay as "
           "they are.",
       .default_value = "insert",
       .choices = {"insert", "upsert"}},
      {.name = "key",
       .type = OptionType::text_list,
       .description =
           "Columns of an upsert's key, with a unique constraint on them; the primary key of a table that is made."},
      {.name = "create_table",
       .type = OptionType::boolean,
       .description = "Makes the table if it is not there, of `columns` or of the fields of the first slice.",
       .default_value = false},
      {.name = "columns",
       .type = OptionType::object,
       .description =
           "Columns of a table that is made, with their types: {\"id\": \"bigint\", \"at\": \"timestamptz\"}. Without "
           "it whole numbers become bigint, others numeric, texts text, the rest boolean or jsonb."},
      {.name = "unknown_fields",
       .type = OptionType::text,
       .description = "What becomes of a field that is no column: the record is a bad one, or the field is left out.",
       .default_value = "fail",
       .choices = {"fail", "ignore"}},
      on_unavailable_option(),
  };
}

}  // namespace

OperationEntry postgres_sender_operation() {
  OperationSchema schema = schema_of_sink(postgres_sink_type());
  schema.description =
      "Writes records as rows of a PostgreSQL table, each slice in one transaction with a claim row in "
      "`slicemill_claims`.";
  schema.options = sender_options();
  schema.connection_type = kPostgres;
  schema.check = [](const Json& options) -> Result<void> {
    if (options.contains(kEncodingOption))
      return Error(ErrorCode::invalid, std::string(kEncodingOption) + ": rows are made of JSON records");
    if (auto target = TargetOptions::from(options); !target) return target.error();
    return {};
  };
  return {std::move(schema), [] { return std::make_unique<PostgresSender>(); }};
}

}  // namespace slicemill
