#include "execution-controller/reporting/master_requests.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/ledger/sink_progress.h"
#include "core/ledger/slice_record_json.h"
#include "core/runtime/text.h"

namespace slicemill::controller {
namespace {

constexpr std::uint64_t kRowsPerAnswer = 10'000;
constexpr std::size_t kRememberedRequests = 64;

}  // namespace

MasterRequests::MasterRequests(Loop& loop, const SliceLedger& ledger, Hooks hooks)
    : loop_(loop), ledger_(ledger), hooks_(std::move(hooks)) {}

bool MasterRequests::is_new(std::uint64_t id) {
  const auto [request, is_new] = requests_.try_emplace(id);
  if (!is_new && request->second) hooks_.answer(*request->second);
  while (requests_.size() > kRememberedRequests) requests_.erase(requests_.begin());
  return is_new;
}

// Lists are read anew if they are asked for again: they are not worth keeping.
void MasterRequests::answer(wire::Answer answer) {
  if (const auto request = requests_.find(answer.request_id); request != requests_.end()) request->second = answer;
  hooks_.answer(std::move(answer));
}

void MasterRequests::on_verb(const wire::Verb& verb) {
  if (!is_new(verb.request_id)) return;
  auto done = [this, id = verb.request_id](Result<ExecutionStatus> reached) {
    wire::Answer reply{.request_id = id};
    if (reached) {
      reply.body = to_compact_text(Json{{"status", to_string(*reached)}});
    } else {
      reply.ok = false;
      reply.code = static_cast<std::uint8_t>(reached.error().code);
      reply.message = reached.error().message;
    }
    this->answer(std::move(reply));
  };
  const auto number = parse_integer(verb.argument);
  switch (verb.verb) {
    case wire::VerbName::pause:
      hooks_.pause(done);
      return;
    case wire::VerbName::resume:
      hooks_.resume(done);
      return;
    case wire::VerbName::stop:
      hooks_.stop(number ? std::optional(std::max<std::int64_t>(0, *number)) : std::nullopt, done);
      return;
  }
}

void MasterRequests::on_query(const wire::Query& query) {
  if (!is_new(query.request_id)) return;
  switch (query.what) {
    case wire::QueryName::stats:
      answer({.request_id = query.request_id, .body = hooks_.stats()});
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
    case wire::QueryName::tries:
      answer_list(
          query.request_id,
          [from = query.from, size = std::min(query.size, kRowsPerAnswer)](const SliceLedger& ledger) -> Result<Json> {
            ASSIGN_OR_RETURN(const auto tries, ledger.tries(from, size));
            Json list = Json::array();
            for (const auto& ended : tries) list.push_back(slice_try_json(ended, ledger.header().lineage));
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

void MasterRequests::answer_list(std::uint64_t request_id, std::function<Result<Json>(const SliceLedger&)> read) {
  auto answer = std::make_shared<wire::Answer>();
  answer->request_id = request_id;
  auto work = [&ledger = ledger_, answer, read = std::move(read)] {
    const auto list = read(ledger);
    if (list) {
      answer->body = to_compact_text(*list);
      return;
    }
    answer->ok = false;
    answer->code = static_cast<std::uint8_t>(list.error().code);
    answer->message = list.error().message;
  };
  loop_.offload(Loop::Executor::query, std::move(work), [this, answer, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    requests_.erase(answer->request_id);
    hooks_.answer(std::move(*answer));
  });
}

}  // namespace slicemill::controller
