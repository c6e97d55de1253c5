#include "execution-controller/ledger_wait.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include <fmt/core.h>

#include "core/runtime/fault.h"
#include "core/runtime/json.h"

namespace slicemill::controller {
namespace {

constexpr std::size_t kRoomBytes = 256 << 10;  // less would not even let the ledger be opened

// Whether there is room beside the ledger, and syncing works.
Result<void> try_place(Files& files, const std::string& ledger_directory) {
  RETURN_IF_ERROR(fault("ledger.open"));
  RETURN_IF_ERROR(fault("ledger.before_sync"));
  const std::string path = ledger_directory + ".probe";
  const auto written = [&]() -> Result<void> {
    ASSIGN_OR_RETURN(const auto file, files.create(path));
    RETURN_IF_ERROR(file->write(std::string(kRoomBytes, '\0')));
    RETURN_IF_ERROR(file->sync());
    return file->close();
  }();
  const auto removed = files.remove(path);
  return written ? removed : written;
}

ProcessIdentity this_process() {
  const auto own = own_process();
  return own ? *own : ProcessIdentity{};
}

}  // namespace

LedgerWait::LedgerWait(Loop& loop, ClientChannel& master, const ControllerLaunch& launch, Files& files,
                       const Error& error, std::function<void()> on_cleared)
    : loop_(loop),
      launch_(launch),
      files_(files),
      obstacle_(loop, {.probe = [this](const Obstacle::Answer& answer) { probe(answer); },
                       .on_raised = [] {},
                       .on_cleared = std::move(on_cleared)}),
      link_(loop, master, launch.ex_id, launch.epoch, this_process(), launch.settings,
            {.on_verb = [this](const wire::Verb& verb) { on_verb(verb); },
             .on_query = [this](const wire::Query& query) { on_query(query); },
             .on_worker_exit = [](std::int64_t, const std::string&) {},
             .on_wanted = [this](const wire::Wanted& wanted) { wanted_ = wanted; },
             .report = [this] { return report(); }}) {
  obstacle_.raise("ledger", error);
  link_.start();
}

void LedgerWait::probe(const Obstacle::Answer& answer) {
  auto passed = std::make_shared<Result<void>>();
  loop_.offload(
      Loop::Executor::query,
      [passed, &files = files_, directory = launch_.ledger_directory] { *passed = try_place(files, directory); },
      [passed, answer] { answer(*passed); });
}

// Without figures: what the master was told last stays true.
StatusReport LedgerWait::report() const {
  return {.status = std::string(to_string(lifecycle_.status({.obstructed = true}))),
          .reason = obstacle_.reason(),
          .workers = wanted_.workers,
          .log_level = wanted_.log_level};
}

void LedgerWait::refuse(std::uint64_t request_id) {
  link_.answer({.request_id = request_id,
                .ok = false,
                .code = static_cast<std::uint8_t>(ErrorCode::unavailable),
                .message = fmt::format("execution {} waits, {}", launch_.ex_id, obstacle_.reason())});
}

void LedgerWait::on_verb(const wire::Verb& verb) {
  switch (verb.verb) {
    case wire::VerbName::stop:  // the master keeps the wish, and tells it to the next controller
      lifecycle_.take(LifecycleEvent::stop);
      link_.report_soon();
      link_.answer({.request_id = verb.request_id, .body = to_compact_text(Json{{"status", report().status}})});
      return;
    case wire::VerbName::resume:
      obstacle_.retry_now([this, id = verb.request_id] {
        if (obstacle_.up()) refuse(id);
      });
      return;
    case wire::VerbName::pause:
      refuse(verb.request_id);
      return;
  }
}

void LedgerWait::on_query(const wire::Query& query) {
  refuse(query.request_id);
}

}  // namespace slicemill::controller
