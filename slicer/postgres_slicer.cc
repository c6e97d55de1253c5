#include "slicer/postgres_slicer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "connectors/postgres/postgres_connection.h"
#include "connectors/postgres/session.h"
#include "connectors/postgres/table_source.h"
#include "slicer/number_run.h"

namespace slicemill {
namespace {

using postgres::KeyRange;
using postgres::KeyValue;
using std::chrono::steady_clock;

constexpr std::int64_t kAskAgainMs = 1'000;
// A first batch comes soon. One that took long has been sorted by the server, which would sort again for the next one:
// the next ones are larger.
constexpr std::int64_t kFirstRows = 1'000'000;
constexpr std::int64_t kMostSlices = 4'096;
constexpr std::chrono::milliseconds kLong{500};

std::optional<KeyValue> key_value(const std::vector<std::optional<std::string>>& row) {
  KeyValue value;
  for (const auto& part : row) {
    if (!part) return std::nullopt;
    value.push_back(*part);
  }
  return value;
}

class PostgresSlicer final : public Slicer {
 public:
  Result<void> open(const SlicerContext& context, const std::string& position) override {
    ASSIGN_OR_RETURN(connection_, context.connections->of(context.options, kPostgres));
    ASSIGN_OR_RETURN(options_, postgres::SourceOptions::from(context.options));
    cancelled_ = context.cancelled;
    if (!position.empty()) RETURN_IF_ERROR(go_on_from(position));
    if (options_.waits) return {};  // the first turn connects, and can wait
    auto connected = connect();
    if (connected || !position.empty()) return connected;
    // At its start the job says at once that it cannot be done.
    Error error = connected.error();
    error.retryable = false;
    return error;
  }

  Result<SliceBatch> next(std::size_t wanted) override {
    SliceBatch batch;
    if (auto connected = connect(); !connected) return waiting(connected.error());
    auto cut = started_ ? cut_more(wanted, batch) : Result<void>();
    if (!cut) return waiting(cut.error());
    batch.position = position();
    batch.finished = done_ && !nulls_;
    if (!notice_.empty()) batch.notices.push_back(std::exchange(notice_, ""));
    // The session of a snapshot stays for those who read.
    if (batch.finished && snapshot_.empty()) session_.reset();
    return batch;
  }

  std::string position_mismatch(const Json& recovered_options, const Json& options) const override {
    return option_mismatch({"connection", "table", "query", "key", "where", "size", "snapshot"}, recovered_options,
                           options);
  }

 private:
  // What a turn gives that could not reach the server; the others are errors.
  Result<SliceBatch> waiting(const Error& error) {
    if (session_ && session_->is_lost()) session_.reset();
    const bool may_pass = error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
    if (!options_.waits || !may_pass) return error;
    SliceBatch batch;
    batch.position = started_ ? position() : "";
    batch.idle_ms = kAskAgainMs;
    batch.waits_for = error.message;
    return batch;
  }

  Result<void> connect() {
    if (session_ && !session_->is_lost()) return {};
    if (!snapshot_.empty())
      return Error(ErrorCode::conflict,
                   "the snapshot that this execution reads is gone, since its controller or the server was started "
                   "anew; run the job anew, or without `snapshot`",
                   false);
    ASSIGN_OR_RETURN(session_, postgres::Session::connect(*connection_, cancelled_.get()));
    if (started_) return {};
    if (auto started = start(); !started) {
      session_.reset();
      snapshot_.clear();
      return started;
    }
    started_ = true;
    return {};
  }

  // What is there to be cut.
  Result<void> start() {
    if (options_.snapshot) {
      RETURN_IF_ERROR(begin_reading(*session_, ""));
      ASSIGN_OR_RETURN(const auto exported, session_->query("SELECT pg_export_snapshot()"));
      snapshot_ = exported.rows.front().front().value_or("");
    }
    RETURN_IF_ERROR(describe_columns(*session_, options_));  // says now what each slice would say
    ASSIGN_OR_RETURN(key_, find_key(*session_, options_));
    if (key_.columns.empty()) {
      if (!options_.table.empty())
        notice_ = fmt::format(
            "postgres_reader: {} has no primary key, so all of it is one slice; `key` names columns "
            "to cut it by",
            options_.table);
      return {};
    }
    const KeyRange all{.key = key_};
    ASSIGN_OR_RETURN(const auto last,
                     keys(fmt::format("SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT 1", key_texts(),
                                      options_.from_clause(), all.condition(options_), order_by(key_, true))));
    done_ = last.empty();
    if (!done_) last_ = last.front();
    const KeyRange without{.key = key_, .is_nulls = true};
    ASSIGN_OR_RETURN(const auto found,
                     session_->query(fmt::format("SELECT 1 FROM {} WHERE {} LIMIT 1", options_.from_clause(),
                                                 without.condition(options_))));
    nulls_ = !found.rows.empty();
    return {};
  }

  Result<void> cut_more(std::size_t wanted, SliceBatch& batch) {
    ListRequests list;
    if (key_.columns.empty()) {
      if (!done_) list.requests.push_back(KeyRange{.snapshot = snapshot_}.to_text());
      done_ = true;
    } else if (!done_) {
      RETURN_IF_ERROR(cut_ranges(wanted, list));
    }
    if (done_ && std::exchange(nulls_, false))
      list.requests.push_back(KeyRange{.key = key_, .is_nulls = true, .snapshot = snapshot_}.to_text());
    if (!list.requests.empty()) batch.runs.emplace_back(std::move(list));
    return {};
  }

  Result<void> cut_ranges(std::size_t wanted, ListRequests& list) {
    const std::int64_t by_rows = std::max<std::int64_t>(1, kFirstRows / options_.size);
    const std::int64_t count =
        grown_ > 0 ? grown_ : std::clamp<std::int64_t>(static_cast<std::int64_t>(wanted), 1, by_rows);
    const KeyRange rest{.key = key_, .from = next_, .to = last_, .is_last = true};
    const std::string condition = rest.condition(options_);
    const auto begin = steady_clock::now();
    ASSIGN_OR_RETURN(
        const auto boundaries,
        keys(fmt::format("SELECT {} FROM (SELECT {}, row_number() OVER (ORDER BY {}) - 1 AS slicemill_n FROM {} WHERE "
                         "{} ORDER BY {} LIMIT {}) AS slicemill_keys WHERE slicemill_n % {} = 0 "
                         "ORDER BY slicemill_n",
                         key_texts(), key_list(key_), order_by(key_), options_.from_clause(), condition, order_by(key_),
                         options_.size * count + 1, options_.size)));
    if (steady_clock::now() - begin > kLong) grown_ = std::min(kMostSlices, 4 * count);
    // The first of them is where the rest begins.
    if (boundaries.empty()) return give_rest(list);
    KeyValue begin_of_range = boundaries.front();
    for (std::size_t i = 1; i < boundaries.size(); ++i) give_up_to(boundaries[i], begin_of_range, list);
    if (static_cast<std::int64_t>(boundaries.size()) <= count) return give_rest(list);
    if (!list.requests.empty()) return {};
    // All of these rows have one key.
    ASSIGN_OR_RETURN(const auto further, keys(fmt::format("SELECT {} FROM {} WHERE {} AND {} ORDER BY {} LIMIT 1",
                                                          key_texts(), options_.from_clause(), condition,
                                                          comparison(key_, ">", begin_of_range), order_by(key_))));
    if (further.empty()) return give_rest(list);
    give_up_to(further.front(), begin_of_range, list);
    return {};
  }

  // Nothing if so many rows have the same key.
  void give_up_to(const KeyValue& boundary, KeyValue& begin, ListRequests& list) {
    if (begin == boundary) return;
    list.requests.push_back(KeyRange{.key = key_, .from = next_, .to = boundary, .snapshot = snapshot_}.to_text());
    next_ = begin = boundary;
  }

  Result<void> give_rest(ListRequests& list) {
    list.requests.push_back(
        KeyRange{.key = key_, .from = next_, .to = last_, .is_last = true, .snapshot = snapshot_}.to_text());
    done_ = true;
    return {};
  }

  // With names of their own: ORDER BY takes the name of a column that is given for that one, and would sort texts.
  std::string key_texts() const {
    std::string texts;
    for (std::size_t i = 0; i < key_.columns.size(); ++i)
      texts +=
          fmt::format("{}{}::text AS slicemill_text_{}", i == 0 ? "" : ", ", postgres::quoted_name(key_.columns[i]), i);
    return texts;
  }

  Result<std::vector<KeyValue>> keys(const std::string& sql) {
    ASSIGN_OR_RETURN(const auto rows, session_->query(sql));
    std::vector<KeyValue> values;
    for (const auto& row : rows.rows)
      if (auto value = key_value(row)) values.push_back(std::move(*value));
    return values;
  }

  std::string position() const {
    Json json = {{"key", key_.columns}, {"types", key_.types}};
    json["next"] = next_ ? Json(*next_) : Json();
    json["last"] = last_;
    json["nulls"] = nulls_;
    json["done"] = done_;
    if (!snapshot_.empty()) json["snapshot"] = snapshot_;
    return to_compact_text(json);
  }

  Result<void> go_on_from(const std::string& text) {
    const auto json = parse_json(text);
    const Error broken(ErrorCode::corrupt, fmt::format("position of postgres_reader does not parse: {}", text));
    if (!json || !json->is_object()) return broken;
    try {
      key_.columns = json->at("key").get<std::vector<std::string>>();
      key_.types = json->at("types").get<std::vector<std::string>>();
      if (!json->at("next").is_null()) next_ = json->at("next").get<KeyValue>();
      last_ = json->at("last").get<KeyValue>();
      nulls_ = json->at("nulls").get<bool>();
      done_ = json->at("done").get<bool>();
      snapshot_ = json->value("snapshot", std::string());
    } catch (const Json::exception&) {
      return broken;
    }
    const std::size_t width = key_.columns.size();
    if (key_.types.size() != width || (next_ && next_->size() != width) || (!done_ && last_.size() != width))
      return broken;
    started_ = true;
    return {};
  }

  const Connection* connection_ = nullptr;
  postgres::SourceOptions options_;
  std::shared_ptr<const std::atomic<bool>> cancelled_;  // the session looks at it
  std::unique_ptr<postgres::Session> session_;
  bool started_ = false;  // it is known what is to be cut
  postgres::Key key_;
  std::optional<KeyValue> next_;
  KeyValue last_;
  bool nulls_ = false;
  bool done_ = false;
  std::string snapshot_;
  std::int64_t grown_ = 0;  // slices of a batch, where batches take long
  std::string notice_;
};

}  // namespace

std::unique_ptr<Slicer> make_postgres_slicer() {
  return std::make_unique<PostgresSlicer>();
}

}  // namespace slicemill
