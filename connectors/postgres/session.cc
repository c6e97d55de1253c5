#include "connectors/postgres/session.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/postgres/libpq.h"
#include "connectors/postgres/session_errors.h"
#include "core/runtime/text.h"

namespace slicemill::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How often a wait looks whether it is wanted no more.
constexpr milliseconds kLook{50};

std::int64_t number_or(std::string_view text, std::int64_t otherwise) {
  const auto number = parse_integer(text);
  return number ? *number : otherwise;
}

struct QueryResult {
  const Libpq& pq;
  PGresult* native;
  QueryResult(const Libpq& library, PGresult* result) : pq(library), native(result) {}
  ~QueryResult() { pq.PQclear(native); }
  QueryResult(const QueryResult&) = delete;
  QueryResult& operator=(const QueryResult&) = delete;
};

Error cancelled_error() {
  return {ErrorCode::cancelled, "cancelled"};
}

}  // namespace

struct Session::Native {
  const Libpq& pq;
  PGconn* connection = nullptr;
  char* copied = nullptr;  // the message that was given last
  bool copies_out = false;
  bool copies_in = false;

  explicit Native(const Libpq& library) : pq(library) {}
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;
  ~Native() {
    forget_copied();
    if (connection != nullptr) pq.PQfinish(connection);
  }
  void forget_copied() {
    if (copied != nullptr) pq.PQfreemem(std::exchange(copied, nullptr));
  }
};

Session::Session(std::unique_ptr<Native> native, const Connection& connection, const std::atomic<bool>* cancelled)
    : native_(std::move(native)), connection_(connection), cancelled_(cancelled) {}

Session::~Session() {
  if (native_->connection == nullptr) return;
  // The server would find out only when it writes.
  if (native_->pq.PQtransactionStatus(native_->connection) == PQTRANS_ACTIVE) cancel_statement();
}

Result<std::unique_ptr<Session>> Session::connect(const Connection& connection, const std::atomic<bool>* cancelled) {
  ASSIGN_OR_RETURN(const Libpq* pq, load_libpq());
  std::vector<const char*> keys, values;
  const auto add = [&](const char* key, const char* value) {
    keys.push_back(key);
    values.push_back(value);
  };
  const std::string& url = connection.setting("url");
  if (!url.empty()) add("dbname", url.c_str());
  for (const auto& [ours, theirs] :
       std::initializer_list<std::pair<const char*, const char*>>{{"host", "host"},
                                                                  {"port", "port"},
                                                                  {"database", "dbname"},
                                                                  {"user", "user"},
                                                                  {"password", "password"},
                                                                  {"sslmode", "sslmode"},
                                                                  {"sslrootcert", "sslrootcert"},
                                                                  {"sslcert", "sslcert"},
                                                                  {"sslkey", "sslkey"},
                                                                  {"application_name", "application_name"}})
    if (const std::string& value = connection.setting(ours); !value.empty()) add(theirs, value.c_str());
  add("client_encoding", "UTF8");
  add("keepalives_idle", "30");
  add("keepalives_interval", "10");
  add("keepalives_count", "3");
  add(nullptr, nullptr);

  auto native = std::make_unique<Native>(*pq);
  native->connection = pq->PQconnectStartParams(keys.data(), values.data(), 1);
  if (native->connection == nullptr) return Error(ErrorCode::no_space, "no memory for a connection");
  pq->PQsetErrorVerbosity(native->connection, PQERRORS_VERBOSE);
  pq->PQsetNoticeProcessor(
      native->connection, [](void*, const char*) {}, nullptr);
  std::unique_ptr<Session> session(new Session(std::move(native), connection, cancelled));
  const auto failed = [&](Error error) {
    return Error(error.code, connection.masked(fmt::format("connection \"{}\": {}", connection.name, error.message)),
                 error.retryable);
  };
  PGconn* const raw = session->native_->connection;
  const auto limit = milliseconds(number_or(connection.setting("connect_timeout"), 10'000));
  const auto deadline = steady_clock::now() + limit;
  if (pq->PQstatus(raw) == CONNECTION_BAD) return failed(connection_error(pq->PQerrorMessage(raw)));
  for (auto polling = PGRES_POLLING_WRITING; polling != PGRES_POLLING_OK;) {
    const short wanted = polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    pollfd socket{pq->PQsocket(raw), wanted, 0};
    if (session->is_cancelled()) return cancelled_error();
    if (steady_clock::now() > deadline)
      return failed(Error(ErrorCode::timeout, fmt::format("no answer from the server within {} ms", limit.count())));
    if (poll(&socket, 1, static_cast<int>(kLook.count())) <= 0) continue;
    polling = pq->PQconnectPoll(raw);
    if (polling == PGRES_POLLING_FAILED) return failed(connection_error(pq->PQerrorMessage(raw)));
  }
  if (auto ready = session->set_up(); !ready) return failed(ready.error());
  return session;
}

Result<void> Session::set_up() {
  native_->pq.PQsetnonblocking(native_->connection, 1);
  std::string sql =
      "SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1; "
      "SET bytea_output = 'hex'; SET standard_conforming_strings = on; SET idle_in_transaction_session_timeout = 0";
  if (const auto limit = parse_integer(connection_.setting("statement_timeout")))
    sql += fmt::format("; SET statement_timeout = {}", *limit);
  // A machine that is gone says nothing either: the server finds out within a minute, instead of two hours.
  sql += "; SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";
  // A worker that is killed says nothing: the server looks for it now and then, from version 14 on.
  sql += "; SELECT set_config(name, '2000', false) FROM pg_settings WHERE name = 'client_connection_check_interval'";
  return execute(sql);
}

bool Session::is_lost() const {
  return native_->pq.PQstatus(native_->connection) == CONNECTION_BAD;
}

Error Session::lost_error() const {
  Error error = connection_error(native_->pq.PQerrorMessage(native_->connection));
  if (error.code == ErrorCode::io) error = {ErrorCode::unavailable, std::move(error.message)};
  return {error.code, connection_.masked(std::move(error.message)), error.retryable};
}

void Session::cancel_statement() {
  PGcancel* const cancel = native_->pq.PQgetCancel(native_->connection);
  if (cancel == nullptr) return;
  std::array<char, 256> ignored{};
  native_->pq.PQcancel(cancel, ignored.data(), static_cast<int>(ignored.size()));
  native_->pq.PQfreeCancel(cancel);
}

Result<void> Session::flush() {
  const Libpq& pq = native_->pq;
  for (;;) {
    const int left = pq.PQflush(native_->connection);
    if (left == 0) return {};
    if (left < 0) return lost_error();
    if (is_cancelled()) return cancelled_error();
    pollfd socket{pq.PQsocket(native_->connection), POLLIN | POLLOUT, 0};
    if (poll(&socket, 1, static_cast<int>(kLook.count())) > 0 && (socket.revents & POLLIN) != 0 &&
        pq.PQconsumeInput(native_->connection) == 0)
      return lost_error();
  }
}

Result<void> Session::wait_for_input() {
  const Libpq& pq = native_->pq;
  for (;;) {
    if (is_cancelled()) {
      cancel_statement();
      return cancelled_error();
    }
    pollfd socket{pq.PQsocket(native_->connection), POLLIN, 0};
    if (poll(&socket, 1, static_cast<int>(kLook.count())) <= 0) continue;
    if (pq.PQconsumeInput(native_->connection) == 0) return lost_error();
    return {};
  }
}

Result<void> Session::send(const std::string& sql, const std::vector<std::string>& parameters) {
  const Libpq& pq = native_->pq;
  if (is_cancelled()) return cancelled_error();
  int sent = 0;
  if (parameters.empty()) {
    sent = pq.PQsendQuery(native_->connection, sql.c_str());
  } else {
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
    sent = pq.PQsendQueryParams(native_->connection, sql.c_str(), static_cast<int>(values.size()), nullptr,
                                values.data(), nullptr, nullptr, 0);
  }
  if (sent == 0) return lost_error();
  return flush();
}

Result<Rows> Session::take_results() {
  const Libpq& pq = native_->pq;
  Rows rows;
  std::optional<Error> failure;
  for (;;) {
    while (pq.PQisBusy(native_->connection) != 0) RETURN_IF_ERROR(wait_for_input());
    const QueryResult result(pq, pq.PQgetResult(native_->connection));
    if (result.native == nullptr) break;
    const auto status = pq.PQresultStatus(result.native);
    if (status == PGRES_TUPLES_OK) {
      rows = Rows();
      const int columns = pq.PQnfields(result.native);
      for (int c = 0; c < columns; ++c)
        rows.columns.push_back({pq.PQfname(result.native, c), pq.PQftype(result.native, c)});
      for (int r = 0; r < pq.PQntuples(result.native); ++r) {
        auto& row = rows.rows.emplace_back();
        for (int c = 0; c < columns; ++c) {
          if (pq.PQgetisnull(result.native, r, c) != 0)
            row.emplace_back(std::nullopt);
          else
            row.emplace_back(std::string(pq.PQgetvalue(result.native, r, c),
                                         static_cast<std::size_t>(pq.PQgetlength(result.native, r, c))));
        }
      }
    } else if (status == PGRES_COMMAND_OK) {
      command_ = pq.PQcmdStatus(result.native);
    } else if (status == PGRES_FATAL_ERROR && !failure) {
      failure = failed_statement(result.native);
    } else if (status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH) {
      return Error(ErrorCode::internal, "a COPY where none was expected", false);
    }
  }
  if (failure && is_lost()) failure->code = ErrorCode::unavailable, failure->retryable = true;
  if (failure) return Error(failure->code, connection_.masked(failure->message), failure->retryable);
  if (is_lost()) return lost_error();
  return rows;
}

Result<Rows> Session::query(const std::string& sql, const std::vector<std::string>& parameters) {
  RETURN_IF_ERROR(send(sql, parameters));
  return take_results();
}

Error Session::failed_statement(const void* result) {
  const Libpq& pq = native_->pq;
  const auto* const failed = static_cast<const PGresult*>(result);
  const auto field = [&](int code) {
    const char* const text = pq.PQresultErrorField(failed, code);
    return std::string(text == nullptr ? "" : text);
  };
  failed_state_ = field(PG_DIAG_SQLSTATE);
  failed_context_ = field(PG_DIAG_CONTEXT);
  return statement_error(pq, failed);
}

// "COPY t, line 5, column a: ...", maybe behind lines on what is within the value: the words are in the server's
// language, the order is not.
std::optional<std::uint64_t> Session::failed_row(const std::string& table) const {
  const std::string lines = "\n" + failed_context_;
  const std::string begin = fmt::format("\nCOPY {}, ", table);
  const std::size_t found = lines.find(begin);
  if (found == std::string::npos) return std::nullopt;
  const std::string_view rest = std::string_view(lines).substr(found + begin.size());
  const std::size_t digit = rest.find_first_of("0123456789:");
  if (digit == std::string_view::npos || rest[digit] == ':') return std::nullopt;
  const auto row = parse_integer(rest.substr(digit, rest.find_first_not_of("0123456789", digit) - digit));
  if (!row || *row <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(*row);
}

// A transaction that cannot be committed is rolled back by COMMIT, without an error.
Result<void> Session::commit() {
  RETURN_IF_ERROR(execute("COMMIT"));
  if (command_ == "COMMIT") return {};
  return Error(ErrorCode::invalid, fmt::format("the server answered COMMIT with {}", command_), false);
}

Result<void> Session::execute(const std::string& sql) {
  if (auto done = query(sql); !done) return done.error();
  return {};
}

Result<void> Session::await_copy(int status) {
  const Libpq& pq = native_->pq;
  while (pq.PQisBusy(native_->connection) != 0) RETURN_IF_ERROR(wait_for_input());
  const QueryResult result(pq, pq.PQgetResult(native_->connection));
  if (result.native != nullptr && pq.PQresultStatus(result.native) == status) return {};
  if (result.native == nullptr) return lost_error();
  Error error = failed_statement(result.native);
  (void)take_results();
  return Error(error.code, connection_.masked(error.message), error.retryable);
}

Result<void> Session::begin_copy_out(const std::string& sql) {
  RETURN_IF_ERROR(send(sql, {}));
  RETURN_IF_ERROR(await_copy(PGRES_COPY_OUT));
  native_->copies_out = true;
  return {};
}

Result<std::optional<std::string_view>> Session::next_copied() {
  const Libpq& pq = native_->pq;
  native_->forget_copied();
  for (;;) {
    const int size = pq.PQgetCopyData(native_->connection, &native_->copied, 1);
    if (size > 0) return std::optional(std::string_view(native_->copied, static_cast<std::size_t>(size)));
    if (size == 0) {
      RETURN_IF_ERROR(wait_for_input());
      continue;
    }
    native_->copies_out = false;
    if (size == -2) return lost_error();
    // The server has said all; whether it was all there is, its last word says.
    if (auto ended = take_results(); !ended) return ended.error();
    return std::optional<std::string_view>();
  }
}

Result<void> Session::begin_copy_in(const std::string& sql) {
  RETURN_IF_ERROR(send(sql, {}));
  RETURN_IF_ERROR(await_copy(PGRES_COPY_IN));
  native_->copies_in = true;
  return {};
}

Result<void> Session::put_copied(std::string_view bytes) {
  const Libpq& pq = native_->pq;
  constexpr std::size_t kPiece = 1 << 20;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    const int queued = pq.PQputCopyData(native_->connection, piece.data(), static_cast<int>(piece.size()));
    if (queued < 0) return lost_error();
    if (queued > 0) bytes.remove_prefix(piece.size());
    RETURN_IF_ERROR(flush());
  }
  return {};
}

Result<std::uint64_t> Session::end_copy_in() {
  const Libpq& pq = native_->pq;
  native_->copies_in = false;
  for (;;) {
    const int queued = pq.PQputCopyEnd(native_->connection, nullptr);
    if (queued < 0) return lost_error();
    if (queued > 0) break;
    RETURN_IF_ERROR(flush());
  }
  RETURN_IF_ERROR(flush());
  std::uint64_t count = 0;
  std::optional<Error> failure;
  for (;;) {
    while (pq.PQisBusy(native_->connection) != 0) RETURN_IF_ERROR(wait_for_input());
    const QueryResult result(pq, pq.PQgetResult(native_->connection));
    if (result.native == nullptr) break;
    if (pq.PQresultStatus(result.native) == PGRES_COMMAND_OK)
      count = static_cast<std::uint64_t>(number_or(pq.PQcmdTuples(result.native), 0));
    else if (!failure)
      failure = failed_statement(result.native);
  }
  if (failure) return Error(failure->code, connection_.masked(failure->message), failure->retryable);
  if (is_lost()) return lost_error();
  return count;
}

bool Session::reset() {
  const Libpq& pq = native_->pq;
  native_->forget_copied();
  const std::atomic<bool>* const flag = std::exchange(cancelled_, nullptr);
  if (!is_lost() && std::exchange(native_->copies_in, false)) (void)pq.PQputCopyEnd(native_->connection, "given up");
  if (!is_lost() && pq.PQtransactionStatus(native_->connection) == PQTRANS_ACTIVE) {
    cancel_statement();
    // A COPY that is under way has rows on their way still.
    while (std::exchange(native_->copies_out, false)) {
      for (auto row = next_copied(); row && *row; row = next_copied()) {
      }
    }
    (void)take_results();
  }
  if (!is_lost() && pq.PQtransactionStatus(native_->connection) != PQTRANS_IDLE) (void)execute("ROLLBACK");
  cancelled_ = flag;
  return !is_lost();
}

std::string Session::server_version() const {
  const char* const version = native_->pq.PQparameterStatus(native_->connection, "server_version");
  return version == nullptr ? "?" : version;
}

std::string Session::server_encoding() const {
  const char* const encoding = native_->pq.PQparameterStatus(native_->connection, "server_encoding");
  return encoding == nullptr ? "" : encoding;
}

std::string Session::description() const {
  const Libpq& pq = native_->pq;
  const std::string version = server_version();
  return connection_.masked(
      fmt::format("PostgreSQL {}, database {} as {}, on {}:{}, {} TLS", version.substr(0, version.find(' ')),
                  pq.PQdb(native_->connection), pq.PQuser(native_->connection), pq.PQhost(native_->connection),
                  pq.PQport(native_->connection), pq.PQsslInUse(native_->connection) != 0 ? "with" : "without"));
}

std::string quoted_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

std::string quoted_literal(std::string_view value) {
  const bool has_backslash = value.find('\\') != std::string_view::npos;
  std::string text = has_backslash ? "E'" : "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += c;
    text += c;
  }
  return text + "'";
}

}  // namespace slicemill::postgres
