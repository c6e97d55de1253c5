// What the master asks of a controller: verbs and questions, answered over its link.
#include <algorithm>
#include <utility>

#include "core/ledger/sink_progress.h"
#include "core/ledger/slice_record_json.h"
#include "core/runtime/log.h"
#include "core/runtime/text.h"
#include "execution-controller/controller.h"

namespace slicemill::controller {
namespace {
constexpr std::uint64_t kRowsPerAnswer = 10'000;
constexpr std::size_t kRememberedRequests = 64;
}  // namespace

bool Controller::is_new_request(std::uint64_t id) {
  const auto [request, is_new] = requests_.try_emplace(id);
  if (!is_new && request->second) link_->answer(*request->second);
  while (requests_.size() > kRememberedRequests) requests_.erase(requests_.begin());
  return is_new;
}

// Lists are read anew if they are asked for again: they are not worth keeping.
void Controller::answer_request(wire::Answer answer) {
  if (const auto request = requests_.find(answer.request_id); request != requests_.end()) request->second = answer;
  link_->answer(std::move(answer));
}

void Controller::on_verb(const wire::Verb& verb) {
  if (!is_new_request(verb.request_id)) return;
  auto answer = [this, id = verb.request_id](Result<ExecutionStatus> reached) {
    wire::Answer reply{.request_id = id};
    if (reached) {
      reply.body = to_compact_text(Json{{"status", to_string(*reached)}});
    } else {
      reply.ok = false;
      reply.code = static_cast<std::uint8_t>(reached.error().code);
      reply.message = reached.error().message;
    }
    answer_request(std::move(reply));
  };
  const auto number = parse_integer(verb.argument);
  switch (verb.verb) {
    case wire::VerbName::pause:
      pause(answer);
      return;
    case wire::VerbName::resume:
      resume(answer);
      return;
    case wire::VerbName::stop:
      stop(number ? std::max<std::int64_t>(0, *number) : launch_.settings.shutdown_timeout_ms, answer);
      return;
  }
}

void Controller::on_wanted(const wire::Wanted& wanted) {
  wanted_workers_ = wanted.workers;
  dispatcher_->levels().set_wanted(wanted.workers);
  const auto level = parse_log_level(wanted.log_level);
  if (level && wanted.log_level != dispatcher_->levels().log_level()) {
    set_log_level(*level);
    dispatcher_->levels().set_log_level(wanted.log_level);
  }
  if (link_) link_->report_soon();
}

void Controller::on_query(const wire::Query& query) {
  if (!is_new_request(query.request_id)) return;
  switch (query.what) {
    case wire::QueryName::stats:
      answer_request({.request_id = query.request_id, .body = encode_stats(stats())});
      return;
    case wire::QueryName::errors:
      answer_list(
          query.request_id,
          [from = query.from, size = std::min(query.size, kRowsPerAnswer)](const SliceLedger& ledger) -> Result<Json> {
            ASSIGN_OR_RETURN(const auto rows, ledger.errors(from, size));
            Json list = Json::array();
            for (const auto& row : rows) list.push_back(slice_record_json(row, ledger.header().lineage));
            return list;
          });
      return;
    case wire::QueryName::quarantine:
      answer_list(
          query.request_id,
          [from = query.from, size = std::min(query.size, kRowsPerAnswer)](const SliceLedger& ledger) -> Result<Json> {
            ASSIGN_OR_RETURN(const auto rows, ledger.quarantine(std::nullopt, from, size));
            Json list = Json::array();
            for (const auto& row : rows) list.push_back(quarantine_record_json(row, ledger.header().lineage));
            return list;
          });
      return;
    case wire::QueryName::sinks:
      answer_list(query.request_id, [](const SliceLedger& ledger) -> Result<Json> {
        ASSIGN_OR_RETURN(const auto sinks, sink_progress(ledger));
        return sink_progress_json(sinks);
      });
      return;
  }
}

void Controller::answer_list(std::uint64_t request_id, std::function<Result<Json>(const SliceLedger&)> read) {
  auto answer = std::make_shared<wire::Answer>();
  answer->request_id = request_id;
  auto work = [ledger = ledger_.get(), answer, read = std::move(read)] {
    const auto list = read(*ledger);
    if (list) {
      answer->body = to_compact_text(*list);
      return;
    }
    answer->ok = false;
    answer->code = static_cast<std::uint8_t>(list.error().code);
    answer->message = list.error().message;
  };
  parts_.loop.offload(Loop::Executor::query, std::move(work), [this, answer, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    requests_.erase(answer->request_id);
    link_->answer(std::move(*answer));
  });
}

}  // namespace slicemill::controller
