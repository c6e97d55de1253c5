#include "master/lists/list_words.h"

#include <fmt/core.h>

#include <optional>

#include "master/executions/execution_documents.h"
#include "master/registry/registry_rows.h"

namespace slicemill::master {

namespace {

constexpr int kSeqColumn = 1;                     // of the rows of either table
constexpr std::size_t kMostTextBytes = 64 << 10;  // of a text that is searched: documents may be large
constexpr std::size_t kMostStepBytes = 4 << 20;   // of documents that one step reads

// Cut between characters.
std::string_view beginning_of(std::string_view text) {
  if (text.size() <= kMostTextBytes) return text;
  std::size_t end = kMostTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

struct ToRead {
  ListKind kind = ListKind::jobs;
  std::int64_t done = 0;  // the last row that was read
  std::int64_t last = 0;
};

Result<std::optional<ToRead>> next_to_read(Database& database) {
  ASSIGN_OR_RETURN(Statement query, database.statement("SELECT list, done, last FROM words_to_read LIMIT 1"));
  ASSIGN_OR_RETURN(const bool found, query.step());
  if (!found) return std::optional<ToRead>();
  const ListKind kind = query.view(0) == words_table(ListKind::jobs) ? ListKind::jobs : ListKind::executions;
  return std::optional(ToRead{kind, query.integer(1), query.integer(2)});
}

Result<void> note_read(Database& database, ListKind kind, std::optional<std::int64_t> done) {
  ASSIGN_OR_RETURN(Statement note, database.statement(done ? "UPDATE words_to_read SET done = ?2 WHERE list = ?1"
                                                           : "DELETE FROM words_to_read WHERE list = ?1"));
  note.bind(1, words_table(kind));
  if (done) note.bind(2, *done);
  return note.run();
}

// A document that cannot be read has no words; whoever asks for it is told why.
Result<void> put_words_of_row(Database& database, const JobDialect& dialect, ListKind kind, const Statement& row) {
  if (kind == ListKind::jobs) {
    const JobRow job = read_job(row);
    const auto document = job_document(job, dialect);
    return put_words(database, kind, job.seq, document ? dialect.search_texts(*document) : SearchTexts{}, "");
  }
  const auto execution = read_execution(row);
  if (!execution) return put_words(database, kind, row.integer(kSeqColumn), {}, "");
  const auto document = execution_document(*execution, dialect);
  return put_words(database, kind, execution->seq, document ? dialect.search_texts(*document) : SearchTexts{},
                   dialect.shown_reason(execution->ex_id, execution->reason));
}

}  // namespace

const char* words_table(ListKind kind) {
  return kind == ListKind::jobs ? "job_words" : "execution_words";
}

Result<void> put_words(Database& database, ListKind kind, std::int64_t seq, const SearchTexts& texts,
                       std::string_view reason) {
  const bool is_execution = kind == ListKind::executions;
  ASSIGN_OR_RETURN(
      Statement put,
      database.statement(is_execution
                             ? "INSERT OR REPLACE INTO execution_words (rowid, name, labels, description, operations, "
                               "reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                             : "INSERT OR REPLACE INTO job_words (rowid, name, labels, description, operations) "
                               "VALUES (?1, ?2, ?3, ?4, ?5)"));
  put.bind(1, seq);
  put.bind(2, beginning_of(texts.name));
  put.bind(3, beginning_of(texts.labels));
  put.bind(4, beginning_of(texts.description));
  put.bind(5, beginning_of(texts.operations));
  if (is_execution) put.bind(6, beginning_of(reason));
  return put.run();
}

Result<void> put_words_of_reason(Database& database, const ExecutionId& id, std::string_view reason) {
  ASSIGN_OR_RETURN(
      Statement put,
      database.statement("UPDATE execution_words SET reason = ?2 "
                         "WHERE rowid = (SELECT seq FROM executions WHERE ex_id = ?1) AND reason IS NOT ?2"));
  put.bind(1, id.text);
  put.bind(2, beginning_of(reason));
  return put.run();
}

Result<void> forget_words(Database& database, ListKind kind, std::int64_t seq) {
  ASSIGN_OR_RETURN(Statement erase,
                   database.statement(fmt::format("DELETE FROM {} WHERE rowid = ?1", words_table(kind))));
  erase.bind(1, seq);
  return erase.run();
}

Result<bool> read_words_on(Database& database, const JobDialect& dialect, std::int64_t most) {
  ASSIGN_OR_RETURN(const std::optional<ToRead> next, next_to_read(database));
  if (!next) return false;
  const bool is_jobs = next->kind == ListKind::jobs;
  std::int64_t done = next->done;
  std::size_t bytes = 0;
  {
    ASSIGN_OR_RETURN(Statement rows, database.statement(fmt::format(
                                         "SELECT {} FROM {} WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3",
                                         is_jobs ? kJobColumns : kExecutionColumns, is_jobs ? "jobs" : "executions")));
    rows.bind(1, next->done);
    rows.bind(2, next->last);
    rows.bind(3, most);
    const int doc = is_jobs ? 8 : 16;
    bool is_last = true;
    for (;;) {
      ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      is_last = false;
      RETURN_IF_ERROR(put_words_of_row(database, dialect, next->kind, rows));
      done = rows.integer(kSeqColumn);
      bytes += rows.view(doc).size();
      if (bytes > kMostStepBytes) break;
    }
    if (is_last) done = next->last;
  }
  RETURN_IF_ERROR(note_read(database, next->kind, done >= next->last ? std::nullopt : std::optional(done)));
  return true;
}

Result<void> check_words_are_read(Database& database) {
  ASSIGN_OR_RETURN(Statement query,
                   database.statement("SELECT sum(last - done), (SELECT count(*) FROM jobs) + (SELECT count(*) FROM "
                                      "executions) FROM words_to_read"));
  RETURN_IF_ERROR(query.step());
  if (query.is_null(0)) return {};
  return Error{ErrorCode::unavailable,
               fmt::format("the words of what an earlier version has stored are still being read, {} of {} jobs and "
                           "executions are left; search again in a moment",
                           query.integer(0), query.integer(1))};
}

// All terms are texts to the index, whatever is in them: none of its operators.
std::string match_text(const query::SearchWords& words) {
  std::string text;
  for (const query::SearchTerm& term : words.terms)
    text += fmt::format("{}\"{}\"{}", text.empty() ? "" : " ", term.text, term.is_prefix ? " *" : "");
  return text;
}

}  // namespace slicemill::master
