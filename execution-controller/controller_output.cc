// The controller's part in output: its parts are wired, prepared, and kept going over obstacles.
//
// An obstacle closes dispatch and takes back what nobody has begun. Nothing is charged for it: staged and committed
// outputs wait, slices that could not be staged go back to the queue. It is left in the order in which it was met:
// first what is committed is published, then slices are dispatched again.
#include <utility>

#include "core/runtime/log.h"
#include "execution-controller/controller.h"

namespace slicemill::controller {

void Controller::wire_output() {
  obstacle_ = std::make_unique<Obstacle>(
      parts_.loop, Obstacle::Hooks{.probe = [this](const Obstacle::Answer& answer) { probe_output(answer); },
                                   .on_raised = [this] { obstacle_raised(); },
                                   .on_cleared = [this] { obstacle_cleared(); }});
  if (!publisher_) return;
  sweep_ = std::make_unique<StagingSweep>(parts_.loop, *publisher_, ledger_->header().epoch);
  if (!publisher_->joins()) return;
  join_ = std::make_unique<OutputJoin>(
      parts_.loop, *ledger_, *writer_, *publisher_,
      OutputJoin::Hooks{.on_done =
                            [this](const Result<void>& joined) {
                              joined_ = joined.has_value();
                              conclude(joined ? Event::all_done : Event::all_done_with_errors,
                                       joined ? "" : joined.error().message);
                            },
                        .on_obstacle = [this](const Error& error) { output_obstructed(error); },
                        .on_fatal = [this](const Error& error) { ledger_failed(error); }});
}

// Before the first dispatch: directories are there, `if_exists` is judged.
void Controller::prepare_output() {
  prepare_waits_ = false;
  prepares_output_ = true;
  const bool first = !resumed_ && !ledger_->header().recovered;
  auto prepared = std::make_shared<Result<void>>();
  parts_.loop.offload(
      Loop::Executor::publish, [this, prepared, first] { *prepared = publisher_->prepare(first); },
      [this, prepared, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired()) return;
        prepares_output_ = false;
        if (*prepared) {
          open_sources();
        } else if (prepared->error().obstacle) {
          prepare_waits_ = true;
          output_obstructed(prepared->error());
          turn_soon();
        } else {
          fail(prepared->error());
        }
      });
}

// A sender that publishes nothing cannot be tried out: the next slices will tell.
void Controller::probe_output(const Obstacle::Answer& answer) {
  auto passed = std::make_shared<Result<void>>();
  auto work = [publisher = publisher_.get(), passed] {
    if (publisher != nullptr) *passed = publisher->probe();
  };
  parts_.loop.offload(Loop::Executor::publish, std::move(work), [passed, answer] { answer(*passed); });
}

void Controller::output_obstructed(const Error& error) {
  if (lifecycle_.obstacles_count()) obstacle_->raise("output", error);
}

void Controller::obstacle_raised() {
  dispatcher_->set_open(false);
  dispatcher_->recall_all();
  if (link_) link_->report_soon();
  if (!parts_.leaves_at_obstacle || !lifecycle_.may(Event::suspend)) return;
  outcome_.obstacle = Error(ErrorCode::no_space, obstacle_->reason());
  suspend(launch_.settings.shutdown_timeout_ms);
}

void Controller::obstacle_cleared() {
  settlement_->go_on();
  if (prepare_waits_) prepare_output();
  if (link_) link_->report_soon();
  turn_soon();
}

}  // namespace slicemill::controller
