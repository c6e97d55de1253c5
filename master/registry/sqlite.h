// SQLite behind the few calls that the registry needs: connections, prepared statements, errors as Result.
//
// A Database and its statements belong to one thread at a time. Every error names the file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace slicemill::master {

class Database;

// One use of a prepared statement; gives it back, reset, at the end of its life (or ends it, if it is not kept). Bind
// positions and columns as in SQLite: binds count from 1, columns from 0.
class Statement {
 public:
  Statement(const Database& database, sqlite3_stmt* statement, bool is_kept)
      : database_(&database), statement_(statement), is_kept_(is_kept) {}
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;

  void bind(int position, std::string_view text);
  void bind(int position, std::int64_t number);
  // What a function of ours takes (sqlite3_bind_pointer); alive until the statement is gone. type: of unlimited life.
  void bind(int position, const void* pointer, const char* type);
  // True: a row stands ready. False: no more rows.
  Result<bool> step();
  // For statements that give no rows.
  Result<void> run();

  std::string text(int column) const;
  std::string_view view(int column) const;  // until the next step
  std::int64_t integer(int column) const;
  bool is_null(int column) const;

 private:
  const Database* database_;
  sqlite3_stmt* statement_;
  bool is_kept_;  // by the connection
};

// Reads of one connection that see the same state of the file, as long as this lives.
class ReadTransaction {
 public:
  static Result<ReadTransaction> begin(Database& database);
  ~ReadTransaction();
  ReadTransaction(ReadTransaction&& other) noexcept;
  ReadTransaction& operator=(ReadTransaction&&) = delete;
  ReadTransaction(const ReadTransaction&) = delete;

 private:
  explicit ReadTransaction(Database& database) : database_(&database) {}

  Database* database_;
};

class Database {
 public:
  enum class Mode { read_write, read_only };

  static Result<std::unique_ptr<Database>> open(const std::string& path, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<void> execute(const std::string& sql);
  // Prepared once per text and kept. A text is in use once at a time.
  Result<Statement> statement(const std::string& sql);
  // Not kept: for texts that are put together from what clients ask for.
  Result<Statement> passing_statement(const std::string& sql);
  // The present error of the connection; `code` is what SQLite returned.
  Error error(int code) const;
  sqlite3* handle() { return handle_; }

 private:
  Result<sqlite3_stmt*> prepare(const std::string& sql, unsigned flags);
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  std::string path_;
  sqlite3* handle_;
  std::map<std::string, sqlite3_stmt*> statements_;
};

}  // namespace slicemill::master
