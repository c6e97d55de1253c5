#include "operations/readers/postgres_reader.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "connectors/postgres/copy_decoder.h"
#include "connectors/postgres/postgres_connection.h"
#include "connectors/postgres/session.h"
#include "connectors/postgres/table_source.h"
#include "core/formats/json_scan.h"

namespace slicemill {
namespace {

// The session stays from slice to slice. What went wrong with one slice ends with it: the session is reset, or made
// anew, before the next.
class PostgresReader final : public Reader {
 public:
  Result<void> initialize(const OperationContext& context) override {
    ASSIGN_OR_RETURN(connection_, context.connections->of(context.operation.options, kPostgres));
    ASSIGN_OR_RETURN(options_, postgres::SourceOptions::from(context.operation.options));
    rejecter_ = RecordRejecter(context);
    return {};
  }

  Result<void> open(const SliceContext& slice) override {
    auto opened = begin(slice);
    if (opened) return opened;
    Error error = opened.error();
    // Nobody's fault: the slice is not charged, and others are not begun until the server is there again.
    const bool may_pass = error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
    if (options_.waits && may_pass) error.obstacle = true;
    return error;
  }

  Result<void> read(RecordBatch& batch) override {
    while (reads_ && batch.records.empty()) {
      RETURN_IF_ERROR(fill());
      RETURN_IF_ERROR(give(batch));
    }
    return {};
  }

  const std::vector<std::string>* columns() const override { return &names_; }

 private:
  Result<void> begin(const SliceContext& slice) {
    ASSIGN_OR_RETURN(const auto range, postgres::KeyRange::from_text(slice.request));
    RETURN_IF_ERROR(make_session(slice.cancelled));
    is_clean_ = false;
    if (!range.snapshot.empty()) RETURN_IF_ERROR(begin_reading(*session_, range.snapshot));
    in_transaction_ = !range.snapshot.empty();
    if (!decoder_) RETURN_IF_ERROR(plan());
    RETURN_IF_ERROR(
        session_->begin_copy_out(fmt::format("COPY (SELECT {} FROM {} WHERE {}) TO STDOUT (FORMAT binary)",
                                             select_list_, options_.from_clause(), range.condition(options_))));
    decoder_->begin();
    reads_ = true;
    return {};
  }

  Result<void> make_session(const std::atomic<bool>* cancelled) {
    reads_ = false;
    if (session_ && !is_clean_ && !session_->reset()) session_.reset();
    if (session_) {
      session_->set_cancelled(cancelled);
      return {};
    }
    decoder_.reset();  // another server may know other types
    ASSIGN_OR_RETURN(session_, postgres::Session::connect(*connection_, cancelled));
    // Such a database has bytes of any encoding. Asked for UTF-8, the server would refuse a whole slice for one of
    // them.
    may_be_no_utf8_ = session_->server_encoding() == "SQL_ASCII";
    if (may_be_no_utf8_) RETURN_IF_ERROR(session_->execute("SET client_encoding = 'SQL_ASCII'"));
    return {};
  }

  Result<void> plan() {
    ASSIGN_OR_RETURN(const auto found, describe_columns(*session_, options_));
    ASSIGN_OR_RETURN(const auto planned, plan_columns(*session_, found));
    names_.clear();
    for (const auto& column : planned) names_.push_back(column.name);
    select_list_ = postgres::select_list(planned);
    decoder_.emplace(planned);
    return {};
  }

  // One batch of rows as text.
  Result<void> fill() {
    text_.clear();
    while (text_.size() < RecordBatch::kTargetBytes) {
      ASSIGN_OR_RETURN(const auto message, session_->next_copied());
      if (!message) return end();
      if (auto appended = decoder_->append(*message, text_); !appended) {
        decoder_.reset();  // the table may have been changed: the next try asks anew
        return appended.error();
      }
    }
    return {};
  }

  Result<void> end() {
    reads_ = false;
    if (in_transaction_) RETURN_IF_ERROR(session_->execute("COMMIT"));
    is_clean_ = true;
    return {};
  }

  Result<void> give(RecordBatch& batch) {
    (void)text_.reserve(RecordBatch::kPadding);
    batch.records.reserve(text_.ends().size());
    std::size_t begin = 0;
    for (const std::size_t end : text_.ends()) {
      const std::string_view record(text_.data() + begin, end - begin);
      begin = end;
      if (may_be_no_utf8_ && !is_utf8(record)) {
        RETURN_IF_ERROR(rejecter_.reject(
            record, Error(ErrorCode::invalid,
                          fmt::format("byte {} of the record is not UTF-8, and the database does not say in which "
                                      "encoding its texts are (SQL_ASCII)",
                                      find_bad_utf8(record)),
                          false)));
        continue;
      }
      batch.records.push_back(record);
    }
    return {};
  }

  const Connection* connection_ = nullptr;
  postgres::SourceOptions options_;
  RecordRejecter rejecter_;
  std::unique_ptr<postgres::Session> session_;
  bool is_clean_ = true;  // nothing is left of an earlier slice
  bool may_be_no_utf8_ = false;
  bool in_transaction_ = false;
  bool reads_ = false;  // the slice has more
  std::vector<std::string> names_;
  std::string select_list_;
  std::optional<postgres::CopyDecoder> decoder_;
  RecordText text_;
};

std::vector<OptionSpec> reader_options() {
  return {
      {.name = "table",
       .type = OptionType::text,
       .description = "Table or view, as `TABLE` or `SCHEMA.TABLE`, in the letters that it was made with; a part in "
                      "double quotes may have dots in it."},
      {.name = "query",
       .type = OptionType::text,
       .description = "Instead of `table`: a SELECT. It is evaluated for every slice, so it should be cheap for a "
                      "range of its `key`; without a `key` it is one slice.",
       .is_code = true},
      {.name = "key",
       .type = OptionType::text_list,
       .description = "Columns whose ranges are the slices, of any types that have an order; best those of an index. "
                      "Without it the primary key; a table without one is one slice."},
      {.name = "fields", .type = OptionType::text_list, .description = "Columns to read. Without it all of them."},
      {.name = "where",
       .type = OptionType::text,
       .description = "Only rows for which this SQL condition is true.",
       .is_code = true},
      {.name = "size",
       .type = OptionType::integer,
       .description = "Rows in a slice; a slice has more if so many rows have the same key.",
       .default_value = 10'000,
       .minimum = 1,
       .maximum = 1e9},
      {.name = "snapshot",
       .type = OptionType::boolean,
       .description = "All slices read the table as it was at one moment. That moment ends with the controller that "
                      "asked for it, or with the server: what is not read by then fails. Without it each slice reads "
                      "the rows of its range as they are at its own time.",
       .default_value = false},
      on_unavailable_option(),
  };
}

}  // namespace

OperationEntry postgres_reader_operation() {
  OperationSchema schema;
  schema.name = "postgres_reader";
  schema.kind = OperationKind::reader;
  schema.description = "Reads rows of a PostgreSQL table or query as JSON records, a range of its key a slice.";
  schema.options = reader_options();
  schema.connection_type = kPostgres;
  schema.check = [](const Json& options) -> Result<void> {
    if (options.contains(kEncodingOption))
      return Error(ErrorCode::invalid, std::string(kEncodingOption) + ": rows are JSON records");
    if (auto source = postgres::SourceOptions::from(options); !source) return source.error();
    return {};
  };
  schema.check_job = [](const Json&, const JobScope& scope) -> Result<void> {
    if (!scope.job.persistent) return {};
    return Error(ErrorCode::invalid,
                 "postgres_reader reads what is there and ends; a persistent job would wait for "
                 "rows that it does not look for");
  };
  return {std::move(schema), [] { return std::make_unique<PostgresReader>(); }};
}

}  // namespace slicemill
