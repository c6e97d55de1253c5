// A session with a PostgreSQL server: queries, COPY, and what their errors mean. One thread at a time; every wait ends
// soon after *cancelled is set, and cancels what the server is doing.
//
// Texts are UTF-8, moments UTC in ISO 8601, intervals ISO 8601, floats exact, whatever server and database say.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/connections.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

using Oid = std::uint32_t;

struct ColumnFacts {
  std::string name;
  Oid type = 0;  // of a domain: the type below it
};

struct Rows {
  std::vector<ColumnFacts> columns;
  std::vector<std::vector<std::optional<std::string>>> rows;  // as text; nothing: NULL
};

// Errors of a session, by their code and `retryable`:
//   unavailable   no server, connection lost, server starts or shuts down, no connection left: may pass
//   timeout       statement_timeout, or no answer within connect_timeout: may pass
//   conflict      serialisation failure, deadlock: may pass
//   cancelled     *cancelled was set
//   invalid       not retryable: no such table or column, no permission, wrong password, data that does not fit, ...
//   io            anything else
// Messages hold no secret.
class Session {
 public:
  // cancelled may be null; otherwise it outlives the session.
  static Result<std::unique_ptr<Session>> connect(const Connection& connection, const std::atomic<bool>* cancelled);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Another flag from now on.
  void set_cancelled(const std::atomic<bool>* cancelled) { cancelled_ = cancelled; }
  // Nothing can be done with it any more.
  bool is_lost() const;

  // One statement with $1, $2, ... as texts. Statements without rows give none.
  Result<Rows> query(const std::string& sql, const std::vector<std::string>& parameters = {});
  Result<void> execute(const std::string& sql);

  // COPY ... TO STDOUT, then its messages one by one: with the binary form each is a row, but for the header before the
  // first one, and the trailer. A view of a message holds until the next call. Nothing: all were read, and the server
  // has confirmed that.
  Result<void> begin_copy_out(const std::string& sql);
  Result<std::optional<std::string_view>> next_copied();

  // COPY ... FROM STDIN: any pieces of its text; end_copy_in() says how many rows the server took, after it has judged
  // all of them. An error from put_copied() ends the COPY as well.
  Result<void> begin_copy_in(const std::string& sql);
  Result<void> put_copied(std::string_view bytes);
  Result<std::uint64_t> end_copy_in();

  // COMMIT. An error that is not `invalid` leaves open whether it was done.
  Result<void> commit();
  // Of the last error of a statement: its SQLSTATE, and the row that it is about, counted from 1, if that was within a
  // COPY into this table; nothing otherwise.
  const std::string& failed_state() const { return failed_state_; }
  std::optional<std::uint64_t> failed_row(const std::string& table) const;

  // Ends whatever is under way, so that the session can be used again; false if it is lost by that.
  bool reset();

  std::string server_version() const;   // "15.18"
  std::string server_encoding() const;  // "UTF8", "SQL_ASCII", ...
  std::string description() const;      // "PostgreSQL 15.18, database app as reader, on db.example.com:5432, with TLS"

 private:
  struct Native;
  Session(std::unique_ptr<Native> native, const Connection& connection, const std::atomic<bool>* cancelled);

  Result<void> set_up();
  Result<void> send(const std::string& sql, const std::vector<std::string>& parameters);
  // Until the server has said something that can be taken without waiting.
  Result<void> wait_for_input();
  Result<void> flush();
  bool is_cancelled() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }
  void cancel_statement();
  Error lost_error() const;
  // Of what was sent last: takes the results to the end. The first error counts.
  Result<Rows> take_results();
  Error failed_statement(const void* result);
  Result<void> await_copy(int status);

  std::unique_ptr<Native> native_;
  const Connection connection_;
  const std::atomic<bool>* cancelled_;
  std::string failed_state_;
  std::string failed_context_;  // of the server, in its language
  std::string command_;         // what the last statement did: "COMMIT"
};

// Names and values in SQL.
std::string quoted_name(std::string_view name);     // "a""b"
std::string quoted_literal(std::string_view text);  // 'it''s'; with backslashes: E'...'

}  // namespace slicemill::postgres
