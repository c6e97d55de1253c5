#include "connectors/postgres/session_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/runtime/text.h"

namespace slicemill::postgres {
namespace {

constexpr std::size_t kCodeSize = 5;  // of a SQLSTATE

// Five digits and capitals, with a digit among them: "FATAL" is none.
bool is_code(std::string_view text) {
  const auto is_number = [](char c) { return c >= '0' && c <= '9'; };
  return text.size() == kCodeSize && std::ranges::any_of(text, is_number) &&
         std::ranges::all_of(text, [&](char c) { return is_number(c) || (c >= 'A' && c <= 'Z'); });
}

// One line, without the library's indentation.
std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool is_space = c == '\n' || c == '\t' || c == ' ';
    if (is_space && (line.empty() || line.back() == ' ')) continue;
    line += is_space ? ' ' : c;
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

struct Meaning {
  ErrorCode code = ErrorCode::io;
  bool retryable = true;
};

// By SQLSTATE: a whole one, or its class.
Meaning meaning_of(std::string_view state) {
  const std::string_view kind = state.substr(0, 2);
  if (state == "57014") return {ErrorCode::timeout, true};  // nobody but the timeout cancels while nobody cancelled
  if (state == "40001" || state == "40P01" || state == "55P03") return {ErrorCode::conflict, true};
  if (kind == "08" || state == "57P01" || state == "57P02" || state == "57P03" || kind == "53")
    return {ErrorCode::unavailable, true};
  if (kind == "58" || kind == "XX") return {ErrorCode::io, true};
  if (kind == "25" && state != "25006") return {ErrorCode::io, true};
  return {ErrorCode::invalid, false};
}

// A connection's error has no field for its code; in its verbose form it has the code in the text: "FATAL:  28P01:
// ...". The severity is in the server's language.
struct ConnectionFailure {
  std::string code;  // "" if the server said nothing
  std::string text;
};

ConnectionFailure parse_failure(std::string_view message) {
  ConnectionFailure failure;
  std::string kept;
  for (const auto& line : split(message, '\n')) {
    if (line.starts_with("LOCATION:")) continue;
    kept += line + "\n";
  }
  for (std::size_t at = kept.find(": "); at != std::string::npos; at = kept.find(": ", at + 1)) {
    if (at < kCodeSize) continue;
    const std::string_view before = std::string_view(kept).substr(at - kCodeSize, kCodeSize);
    const bool stands_alone = at == kCodeSize || kept[at - kCodeSize - 1] == ' ';
    if (!is_code(before) || !stands_alone) continue;
    failure.code = before;
    kept.erase(at - kCodeSize, kCodeSize + 2);
    break;
  }
  failure.text = one_line(kept);
  return failure;
}

// Trouble with certificates and keys does not pass.
bool is_about_tls(std::string_view text) {
  return text.find("SSL") != std::string_view::npos || text.find("certificate") != std::string_view::npos;
}

std::string field(const Libpq& pq, const PGresult* result, int code) {
  const char* const text = pq.PQresultErrorField(result, code);
  return text == nullptr ? std::string() : std::string(text);
}

}  // namespace

Error connection_error(std::string_view message) {
  ConnectionFailure failure = parse_failure(message);
  if (failure.text.empty()) failure.text = "the connection failed";
  if (!failure.code.empty()) {
    const Meaning meaning = meaning_of(failure.code);
    return {meaning.code, std::move(failure.text), meaning.retryable};
  }
  if (is_about_tls(failure.text) || failure.text.find("no password supplied") != std::string::npos)
    return {ErrorCode::invalid, std::move(failure.text), false};
  return {ErrorCode::unavailable, std::move(failure.text)};
}

Error statement_error(const Libpq& pq, const PGresult* result) {
  const std::string state = field(pq, result, PG_DIAG_SQLSTATE);
  std::string text = field(pq, result, PG_DIAG_MESSAGE_PRIMARY);
  if (text.empty()) text = one_line(pq.PQresultErrorMessage(result));
  for (const char more : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT}) {
    std::string part = field(pq, result, more);
    if (!part.empty()) text += "; " + one_line(part);
  }
  if (state.empty()) return {ErrorCode::unavailable, std::move(text)};
  const Meaning meaning = meaning_of(state);
  return {meaning.code, fmt::format("{} ({})", one_line(text), state), meaning.retryable};
}

}  // namespace slicemill::postgres
