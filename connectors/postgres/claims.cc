#include "connectors/postgres/claims.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "connectors/postgres/target_table.h"
#include "core/runtime/base64.h"
#include "core/runtime/json.h"
#include "core/runtime/text.h"

namespace slicemill::postgres {
namespace {

constexpr const char* kAllSlices = "*";
constexpr const char* kFacts = "void, epoch, attempt, records, bytes, checksum, quarantined";
constexpr int kFenceLockMs = 3'000;

std::string quarantined_text(const std::vector<QuarantinedRecord>& records) {
  Json all = Json::array();
  for (const QuarantinedRecord& record : records)
    all.push_back({{"operation", record.operation},
                   {"entry", record.entry.index},
                   {"entry_operation", record.entry.operation},
                   {"place", record.place},
                   {"bytes", to_base64(record.bytes)},
                   {"error", record.error}});
  return to_compact_text(all);
}

Result<std::vector<QuarantinedRecord>> parse_quarantined(const std::string& text) {
  const Error broken(ErrorCode::corrupt, fmt::format("a claim in {} has records that cannot be read", kClaimsTable),
                     false);
  const auto all = parse_json(text);
  if (!all || !all->is_array()) return broken;
  std::vector<QuarantinedRecord> records;
  try {
    for (const Json& one : *all) {
      auto bytes = from_base64(one.at("bytes").get_ref<const std::string&>());
      if (!bytes) return broken;
      records.push_back({.operation = one.at("operation").get<std::string>(),
                         .entry = {one.at("entry").get<std::uint32_t>(), one.at("entry_operation").get<std::string>()},
                         .place = one.at("place").get<std::string>(),
                         .bytes = std::move(*bytes),
                         .error = one.at("error").get<std::string>()});
    }
  } catch (const Json::exception&) {
    return broken;
  }
  return records;
}

std::int64_t number(const std::optional<std::string>& text) {
  const auto parsed = parse_integer(text.value_or("0"));
  return parsed ? *parsed : 0;
}

// Columns as in kFacts, from `first` on.
Result<Claim> claim_of(const std::vector<std::optional<std::string>>& row, std::size_t first) {
  Claim claim;
  claim.is_void = row[first] == "t";
  claim.attempt = {static_cast<std::uint64_t>(number(row[first + 1])),
                   static_cast<std::uint32_t>(number(row[first + 2]))};
  claim.records = static_cast<std::uint64_t>(number(row[first + 3]));
  claim.bytes = static_cast<std::uint64_t>(number(row[first + 4]));
  claim.checksum = static_cast<std::uint64_t>(number(row[first + 5]));
  if (row[first + 6]) {
    ASSIGN_OR_RETURN(claim.quarantined, parse_quarantined(*row[first + 6]));
  }
  return claim;
}

std::string list_of(const std::vector<std::string>& slices) {
  return "{" + join(slices, ",") + "}";  // of hexadecimal digits and hyphens
}

}  // namespace

Claims::Claims(std::string schema, std::string lineage, std::string sink)
    : schema_(std::move(schema)),
      lineage_(std::move(lineage)),
      sink_(std::move(sink)),
      table_(TableName{schema_, kClaimsTable}.quoted()),
      lock_(lock_number("slicemill claims " + lineage_ + " " + sink_)) {}

Result<void> Claims::make_table(Session& session) const {
  ASSIGN_OR_RETURN(const Rows found, session.query("SELECT to_regclass($1)", {table_}));
  if (found.rows.front().front()) return {};
  const std::string definition = fmt::format(
      "CREATE TABLE IF NOT EXISTS {} (lineage text, sink text, slice text, void boolean NOT NULL, epoch bigint "
      "NOT NULL, attempt integer NOT NULL, execution text NOT NULL, records bigint NOT NULL DEFAULT 0, bytes "
      "bigint NOT NULL DEFAULT 0, checksum bigint NOT NULL DEFAULT 0, quarantined text, at timestamptz NOT "
      "NULL DEFAULT now(), PRIMARY KEY (lineage, sink, slice))",
      table_);
  auto made = session.execute(fmt::format("BEGIN; SELECT pg_advisory_xact_lock({}); {}; COMMIT",
                                          lock_number("slicemill table " + table_), definition));
  if (made) return {};
  (void)session.reset();
  return with_context(
      made.error(), fmt::format("the claims of slices need a table that this user may write, made by: {}", definition));
}

Result<std::optional<Claim>> Claims::find(Session& session, const std::string& slice, std::uint64_t epoch) const {
  ASSIGN_OR_RETURN(
      const Rows rows,
      session.query(fmt::format("SELECT {} FROM {} WHERE lineage = $1 AND sink = $2 AND slice IN ($3, '{}') "
                                "ORDER BY void",
                                kFacts, table_, kAllSlices),
                    {lineage_, sink_, slice}));
  for (const auto& row : rows.rows) {
    ASSIGN_OR_RETURN(Claim claim, claim_of(row, 0));
    if (!claim.is_void || claim.attempt.epoch >= epoch) return std::optional(std::move(claim));
  }
  return std::optional<Claim>();
}

Result<bool> Claims::begin(Session& session, const std::string& slice, const Attempt& attempt,
                           const std::string& ex_id) const {
  // The lock before the next statement, which sees then what a fence has written.
  RETURN_IF_ERROR(session.execute(
      fmt::format("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock_shared({})", lock_)));
  ASSIGN_OR_RETURN(
      const Rows rows,
      session.query(
          fmt::format("INSERT INTO {0} AS c (lineage, sink, slice, void, epoch, attempt, execution) "
                      "SELECT $1, $2, $3, false, $4::bigint, $5::integer, $6 WHERE NOT EXISTS (SELECT 1 FROM {0} f "
                      "WHERE f.lineage "
                      "= $1 AND f.sink = $2 AND f.slice = '{1}' AND f.epoch >= $4::bigint) ON CONFLICT (lineage, "
                      "sink, slice) DO UPDATE SET void = false, epoch = excluded.epoch, attempt = "
                      "excluded.attempt, execution = excluded.execution, at = now() WHERE c.void AND c.epoch < "
                      "excluded.epoch RETURNING 1",
                      table_, kAllSlices),
          {lineage_, sink_, slice, std::to_string(attempt.epoch), std::to_string(attempt.n), ex_id}));
  if (!rows.rows.empty()) return true;
  RETURN_IF_ERROR(session.execute("ROLLBACK"));
  return false;
}

Result<void> Claims::tell(Session& session, const std::string& slice, const Claim& claim) const {
  std::vector<std::string> parameters = {lineage_,
                                         sink_,
                                         slice,
                                         std::to_string(claim.records),
                                         std::to_string(claim.bytes),
                                         std::to_string(static_cast<std::int64_t>(claim.checksum))};
  if (!claim.quarantined.empty()) parameters.push_back(quarantined_text(claim.quarantined));
  auto told =
      session.query(fmt::format("UPDATE {} SET records = $4, bytes = $5, checksum = $6{} WHERE lineage = $1 AND sink "
                                "= $2 AND slice = $3",
                                table_, claim.quarantined.empty() ? "" : ", quarantined = $7"),
                    parameters);
  if (!told) return told.error();
  return {};
}

Result<void> Claims::void_claim(Session& session, const std::string& slice, std::uint64_t epoch,
                                const std::string& ex_id) const {
  auto done =
      session.query(fmt::format("INSERT INTO {0} AS c (lineage, sink, slice, void, epoch, attempt, execution) "
                                "VALUES ($1, $2, $3, true, $4, 0, $5) ON CONFLICT (lineage, sink, slice) DO UPDATE "
                                "SET epoch = greatest(c.epoch, excluded.epoch) WHERE c.void",
                                table_),
                    {lineage_, sink_, slice, std::to_string(epoch), ex_id});
  if (!done) return done.error();
  return {};
}

Result<std::vector<std::optional<Claim>>> Claims::fence(Session& session, const std::vector<std::string>& slices,
                                                        std::uint64_t epoch, const std::string& ex_id) const {
  const auto void_all = [&]() -> Result<void> {
    RETURN_IF_ERROR(session.execute(
        fmt::format("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {}", kFenceLockMs)));
    for (const std::string& slice : slices) RETURN_IF_ERROR(void_claim(session, slice, epoch, ex_id));
    return session.commit();
  };
  if (auto fenced = void_all(); !fenced) {
    (void)session.reset();
    return fenced.error();
  }
  return committed(session, slices);
}

Result<void> Claims::fence_all(Session& session, std::uint64_t epoch, const std::string& ex_id) const {
  const auto void_all = [&]() -> Result<void> {
    RETURN_IF_ERROR(session.execute(
        fmt::format("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = {}; SELECT "
                    "pg_advisory_xact_lock({})",
                    kFenceLockMs, lock_)));
    RETURN_IF_ERROR(void_claim(session, kAllSlices, epoch, ex_id));
    return session.commit();
  };
  auto fenced = void_all();
  if (!fenced) (void)session.reset();
  return fenced;
}

Result<std::vector<std::optional<Claim>>> Claims::committed(Session& session,
                                                            const std::vector<std::string>& slices) const {
  ASSIGN_OR_RETURN(
      const Rows rows,
      session.query(fmt::format("SELECT slice, {} FROM {} WHERE lineage = $1 AND sink = $2 AND NOT void AND slice "
                                "= ANY($3::text[])",
                                kFacts, table_),
                    {lineage_, sink_, list_of(slices)}));
  std::map<std::string, Claim> found;
  for (const auto& row : rows.rows) {
    ASSIGN_OR_RETURN(Claim claim, claim_of(row, 1));
    found.emplace(row[0].value_or(""), std::move(claim));
  }
  std::vector<std::optional<Claim>> claims;
  for (const std::string& slice : slices) {
    const auto one = found.find(slice);
    claims.push_back(one == found.end() ? std::nullopt : std::optional(one->second));
  }
  return claims;
}

}  // namespace slicemill::postgres
