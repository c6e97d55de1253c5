// What the master asks of a controller: verbs and questions, answered over its link.
#include <algorithm>
#include <utility>

#include "core/ledger/slice_record_json.h"
#include "core/runtime/log.h"
#include "core/runtime/text.h"
#include "execution-controller/controller.h"

namespace slicemill::controller {
namespace {
constexpr std::uint64_t kRowsPerAnswer = 10'000;
}

void Controller::on_verb(const wire::Verb& verb) {
  auto answer = [this, id = verb.request_id](Result<ExecutionStatus> reached) {
    wire::Answer reply{.request_id = id};
    if (reached) {
      reply.body = to_compact_text(Json{{"status", to_string(*reached)}});
    } else {
      reply.ok = false;
      reply.code = static_cast<std::uint8_t>(reached.error().code);
      reply.message = reached.error().message;
    }
    link_->answer(std::move(reply));
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
    case wire::VerbName::drain_workers:
      if (number && *number > 0) dispatcher_->drain(static_cast<std::uint64_t>(*number));
      answer(status());
      return;
    case wire::VerbName::log_level:
      if (const auto level = parse_log_level(verb.argument)) {
        set_log_level(*level);
        dispatcher_->set_log_level(verb.argument);
        answer(status());
      } else {
        answer(level.error());
      }
      return;
  }
}

void Controller::on_query(const wire::Query& query) {
  switch (query.what) {
    case wire::QueryName::stats:
      link_->answer({.request_id = query.request_id, .body = to_compact_text(stats_json(progress()))});
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
  parts_.loop.offload(Loop::Lane::query, std::move(work), [this, answer, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) link_->answer(std::move(*answer));
  });
}

}  // namespace slicemill::controller
