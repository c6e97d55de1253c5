#include "connectors/postgres/postgres_sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "connectors/postgres/claims.h"
#include "connectors/postgres/postgres_connection.h"
#include "connectors/postgres/session.h"
#include "connectors/postgres/target_table.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

using postgres::Claim;
using postgres::Claims;
using postgres::Rows;
using postgres::Session;
using postgres::TargetOptions;

constexpr std::size_t kMostNames = 1'000;  // of each list of a report
constexpr std::size_t kPutBytes = 256 << 10;

// Where the claims of a sink are.
struct ClaimPlace {
  const Connection* connection = nullptr;
  TargetOptions options;
};

Result<ClaimPlace> place_of(const OperationSpec& operation, const Connections& connections) {
  ClaimPlace place;
  ASSIGN_OR_RETURN(place.connection, connections.of(operation.options, kPostgres));
  ASSIGN_OR_RETURN(place.options, TargetOptions::from(operation.options));
  return place;
}

// Compares what the ledger knows of one place with the claims there, in the database: both may be long.
class ClaimComparison {
 public:
  static Result<std::unique_ptr<ClaimComparison>> begin(const ClaimPlace& place, const std::string& lineage,
                                                        const std::string& sink) {
    ASSIGN_OR_RETURN(auto session, Session::connect(*place.connection, nullptr));
    ASSIGN_OR_RETURN(std::string schema, schema_of(*session, place.options.table));
    Claims claims(std::move(schema), lineage, sink);
    ASSIGN_OR_RETURN(const Rows found, session->query("SELECT to_regclass($1)", {claims.table()}));
    const bool has_claims = found.rows.front().front().has_value();
    RETURN_IF_ERROR(session->execute(
        "CREATE TEMP TABLE slicemill_known (slice text, records bigint, bytes bigint, checksum bigint)"));
    RETURN_IF_ERROR(session->begin_copy_in("COPY pg_temp.slicemill_known FROM STDIN"));
    return std::unique_ptr<ClaimComparison>(new ClaimComparison(std::move(session), std::move(claims), has_claims));
  }

  Result<void> add(const std::string& slice, const OutputFacts& facts) {
    text_ +=
        fmt::format("{}\t{}\t{}\t{}\n", slice, facts.records, facts.bytes, static_cast<std::int64_t>(facts.checksum));
    if (text_.size() < kPutBytes) return {};
    auto put = session_->put_copied(text_);
    text_.clear();
    return put;
  }

  Result<void> finish(VerifyReport& report) {
    RETURN_IF_ERROR(session_->put_copied(text_));
    ASSIGN_OR_RETURN(const std::uint64_t known, session_->end_copy_in());
    report.expected += known;
    if (!has_claims_)
      return list("SELECT slice FROM pg_temp.slicemill_known", {}, report.missing, report.missing_count);
    const std::string join = fmt::format(
        "FROM pg_temp.slicemill_known k LEFT JOIN {} c ON c.lineage = $1 AND c.sink = $2 AND c.slice = k.slice AND NOT "
        "c.void",
        claims_.table());
    const std::string same = "(c.records, c.bytes, c.checksum) = (k.records, k.bytes, k.checksum)";
    const std::vector<std::string> own = {claims_.lineage(), claims_.sink()};
    ASSIGN_OR_RETURN(const Rows sums, session_->query(fmt::format("SELECT count(*), coalesce(sum(c.records), 0), "
                                                                  "coalesce(sum(c.bytes), 0) {} WHERE {}",
                                                                  join, same),
                                                      own));
    const auto sum = [&](std::size_t column) {
      const auto number = parse_integer(sums.rows.front()[column].value_or("0"));
      return number ? static_cast<std::uint64_t>(*number) : 0;
    };
    report.matching += sum(0);
    report.records += sum(1);
    report.bytes += sum(2);
    RETURN_IF_ERROR(
        list(fmt::format("SELECT k.slice {} WHERE c.slice IS NULL", join), own, report.missing, report.missing_count));
    RETURN_IF_ERROR(
        list(fmt::format("SELECT k.slice {} WHERE NOT {}", join, same), own, report.altered, report.altered_count));
    return list(
        fmt::format("SELECT c.slice FROM {} c WHERE c.lineage = $1 AND c.sink = $2 AND NOT c.void AND NOT EXISTS "
                    "(SELECT 1 FROM pg_temp.slicemill_known k WHERE k.slice = c.slice)",
                    claims_.table()),
        own, report.extra, report.extra_count);
  }

 private:
  ClaimComparison(std::unique_ptr<Session> session, Claims claims, bool has_claims)
      : session_(std::move(session)), claims_(std::move(claims)), has_claims_(has_claims) {}

  Result<void> list(const std::string& sql, const std::vector<std::string>& parameters, std::vector<std::string>& names,
                    std::uint64_t& count) {
    ASSIGN_OR_RETURN(const Rows rows,
                     session_->query(fmt::format("SELECT slice, count(*) OVER () FROM ({}) AS s ORDER BY 1 "
                                                 "LIMIT {}",
                                                 sql, kMostNames),
                                     parameters));
    for (const auto& row : rows.rows) {
      if (names.size() < kMostNames)
        names.push_back(fmt::format("slice {} in {}", row[0].value_or(""), claims_.table()));
    }
    if (rows.rows.empty()) return {};
    const auto all = parse_integer(rows.rows.front()[1].value_or("0"));
    count += all ? static_cast<std::uint64_t>(*all) : 0;
    return {};
  }

  std::unique_ptr<Session> session_;
  Claims claims_;
  bool has_claims_;
  std::string text_;
};

class PostgresPublisher final : public OutputPublisher {
 public:
  PostgresPublisher(ClaimPlace place, const SinkPlace& sink, const PublisherParts& parts)
      : place_(std::move(place)),
        sink_(claim_sink(sink.plan, sink.node)),
        number_(sink.number),
        connections_(parts.connections),
        lineage_(parts.lineage) {}

  Result<void> prepare(bool) override { return as_obstacle(make_ready()); }
  Result<void> probe() override {
    return as_obstacle(with_session([](Session& session) { return session.execute("SELECT 1"); }));
  }
  // It is visible since it was committed.
  std::vector<Result<void>> publish(const std::vector<CommittedOutput>& outputs) override {
    return std::vector<Result<void>>(outputs.size());
  }
  Result<bool> is_there(const CommittedOutput&) override { return true; }
  void sweep(const std::function<bool(const SliceKey&, const Attempt&)>&) override {}
  void clean_up(bool) override {}

  bool claims() const override { return true; }

  Result<std::vector<std::optional<ClaimedOutput>>> fence(const std::vector<SliceKey>& slices, std::uint64_t epoch,
                                                          bool all) override {
    std::vector<std::string> ids;
    ids.reserve(slices.size());
    for (const SliceKey& key : slices) ids.push_back(id_of(key));
    std::vector<std::optional<ClaimedOutput>> outputs;
    auto fenced = as_obstacle(with_session([&](Session& session) -> Result<void> {
      ASSIGN_OR_RETURN(const Claims claims, claims_in(session));
      if (all) RETURN_IF_ERROR(claims.fence_all(session, epoch, lineage_.back()));
      ASSIGN_OR_RETURN(auto found,
                       all ? claims.committed(session, ids) : claims.fence(session, ids, epoch, lineage_.back()));
      for (auto& claim : found) {
        auto& output = outputs.emplace_back();
        if (!claim) continue;
        output.emplace(ClaimedOutput{claim->facts(), std::move(claim->quarantined)});
        output->facts.sink = number_;
      }
      return {};
    }));
    if (!fenced) return fenced.error();
    return outputs;
  }

  Result<VerifyReport> verify(const OutputSource& outputs, const std::optional<JoinRecord>&,
                              const std::vector<FormerJob>& former) override {
    // By the last epoch whose outputs are there; the present place has the rest.
    std::map<std::uint64_t, std::size_t> by_epoch;
    std::vector<ClaimPlace> places = {place_};
    for (const FormerJob& earlier : former) {
      const auto sinks = earlier.job.plan.sinks();
      if (number_ >= sinks.size()) continue;
      const OperationSpec& operation = earlier.job.plan.operation(sinks[number_]);
      if (operation.name != postgres_sink_type().operation) continue;
      auto place = place_of(operation, connections_);
      if (!place || is_same(*place, place_)) continue;
      by_epoch.emplace(earlier.last_epoch, places.size());
      places.push_back(std::move(*place));
    }
    std::vector<std::unique_ptr<ClaimComparison>> comparisons(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) {
      ASSIGN_OR_RETURN(comparisons[i], ClaimComparison::begin(places[i], lineage_.front(), sink_));
    }
    RETURN_IF_ERROR(outputs([&](const CommittedOutput& output) -> Result<void> {
      if (!output.facts.present) return {};
      const auto earlier = by_epoch.lower_bound(output.attempt.epoch);
      return comparisons[earlier == by_epoch.end() ? 0 : earlier->second]->add(id_of(output.key), output.facts);
    }));
    VerifyReport report;
    for (const auto& comparison : comparisons) RETURN_IF_ERROR(comparison->finish(report));
    return report;
  }

 private:
  static bool is_same(const ClaimPlace& a, const ClaimPlace& b) {
    return a.connection == b.connection && a.options.table.schema == b.options.table.schema;
  }

  std::string id_of(const SliceKey& key) const {
    return slice_id(lineage_[std::min<std::size_t>(key.generation, lineage_.size() - 1)], key);
  }

  Result<void> make_ready() {
    return with_session([this](Session& session) -> Result<void> {
      const TargetOptions& options = place_.options;
      ASSIGN_OR_RETURN(auto table, describe_target(session, options));
      if (!table && !options.creates_table) return no_such_table(options);
      if (!table && !options.columns.empty()) {
        RETURN_IF_ERROR(create_target(session, options, options.columns));
        ASSIGN_OR_RETURN(table, describe_target(session, options));
      }
      if (table) RETURN_IF_ERROR(check_target(session, options, *table));
      ASSIGN_OR_RETURN(const Claims claims, claims_in(session));
      return claims.make_table(session);
    });
  }

  Result<Claims> claims_in(Session& session) {
    if (schema_.empty()) {
      ASSIGN_OR_RETURN(schema_, schema_of(session, place_.options.table));
    }
    return Claims(schema_, lineage_.front(), sink_);
  }

  // The session stays from call to call while nothing goes wrong with it.
  template <typename Work>
  Result<void> with_session(const Work& work) {
    if (session_ && !session_->reset()) session_.reset();
    if (!session_) {
      ASSIGN_OR_RETURN(session_, Session::connect(*place_.connection, nullptr));
    }
    auto done = work(*session_);
    if (!done) session_.reset();
    return done;
  }

  Result<void> as_obstacle(Result<void> done) const {
    if (done || !place_.options.waits) return done;
    Error error = done.error();
    error.obstacle = error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
    return error;
  }

  const ClaimPlace place_;
  const std::string sink_;
  const std::uint32_t number_;
  const Connections& connections_;
  const std::vector<std::string> lineage_;
  std::unique_ptr<Session> session_;
  std::string schema_;
};

}  // namespace

std::string claim_sink(const Plan& plan, std::size_t node) {
  return plan.form == Plan::Form::graph ? plan.nodes[node].id : std::string();
}

SinkType postgres_sink_type() {
  return {.operation = "postgres_sender",
          .commit = CommitClass::claimed,
          .make_publisher = [](const SinkPlace& sink,
                               const PublisherParts& parts) -> Result<std::unique_ptr<OutputPublisher>> {
            ASSIGN_OR_RETURN(ClaimPlace place, place_of(sink.operation(), parts.connections));
            return std::unique_ptr<OutputPublisher>(std::make_unique<PostgresPublisher>(std::move(place), sink, parts));
          }};
}

}  // namespace slicemill
