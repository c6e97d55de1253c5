#include "master/registry/sqlite.h"

#include <fmt/core.h>
#include <sqlite3.h>

#include <utility>

namespace slicemill::master {

namespace {

constexpr int kBusyTimeoutMs = 5'000;

ErrorCode code_of(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
      return ErrorCode::no_space;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::unavailable;
    case SQLITE_CONSTRAINT:
      return ErrorCode::conflict;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ErrorCode::io;
    default:
      return ErrorCode::internal;
  }
}

}  // namespace

Statement::~Statement() {
  if (statement_ == nullptr) return;
  if (!is_kept_) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)), is_kept_(other.is_kept_) {}

void Statement::bind(int position, std::string_view text) {
  sqlite3_bind_text64(statement_, position, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::bind(int position, std::int64_t number) {
  sqlite3_bind_int64(statement_, position, number);
}

void Statement::bind(int position, const void* pointer, const char* type) {
  sqlite3_bind_pointer(statement_, position, const_cast<void*>(pointer), type, nullptr);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->error(code);
}

Result<void> Statement::run() {
  RETURN_IF_ERROR(step());
  return {};
}

std::string Statement::text(int column) const {
  return std::string(view(column));
}

std::string_view Statement::view(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Mode mode) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX |
                    (mode == Mode::read_write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(path, handle));
  if (code != SQLITE_OK) return database->error(code);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  return database;
}

Database::~Database() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Result<void> Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error(code);
  return {};
}

Result<sqlite3_stmt*> Database::prepare(const std::string& sql, unsigned flags) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.c_str(), static_cast<int>(sql.size()), flags, &prepared, nullptr);
  if (code != SQLITE_OK) return error(code);
  return prepared;
}

Result<Statement> Database::statement(const std::string& sql) {
  auto found = statements_.find(sql);
  if (found == statements_.end()) {
    ASSIGN_OR_RETURN(sqlite3_stmt * prepared, prepare(sql, SQLITE_PREPARE_PERSISTENT));
    found = statements_.emplace(sql, prepared).first;
  }
  return Statement(*this, found->second, true);
}

Result<Statement> Database::passing_statement(const std::string& sql) {
  ASSIGN_OR_RETURN(sqlite3_stmt * prepared, prepare(sql, 0));
  return Statement(*this, prepared, false);
}

Error Database::error(int code) const {
  const char* text = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  Error error(code_of(code), fmt::format("registry {}: {}", path_, text));
  // A database that cannot be opened or written is not the statement's fault: it has been ours and writable before.
  error.obstacle = error.code == ErrorCode::no_space || error.code == ErrorCode::io;
  return error;
}

Result<ReadTransaction> ReadTransaction::begin(Database& database) {
  RETURN_IF_ERROR(database.execute("BEGIN"));
  return ReadTransaction(database);
}

ReadTransaction::ReadTransaction(ReadTransaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

ReadTransaction::~ReadTransaction() {
  if (database_ != nullptr) (void)database_->execute("COMMIT");
}

}  // namespace slicemill::master
