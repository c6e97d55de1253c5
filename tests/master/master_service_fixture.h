// The service against controllers that the test plays, on virtual time: commands that several tests give it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "tests/master/master_harness.h"

namespace slicemill::master {

class MasterServiceTest : public ::testing::Test {
 protected:
  Result<ExecutionStatus> pause(const ExecutionId& id) {
    return h_.await<ExecutionStatus>([&](Reply<ExecutionStatus> reply) { h_.service->pause(id, std::move(reply)); });
  }
  Result<ExecutionStatus> resume(const ExecutionId& id) {
    return h_.await<ExecutionStatus>([&](Reply<ExecutionStatus> reply) { h_.service->resume(id, std::move(reply)); });
  }
  auto stop(const ExecutionId& id, const StopRequest& request = {}) {
    return h_.start<StopAnswer>([&](Reply<StopAnswer> reply) { h_.service->stop(id, request, std::move(reply)); });
  }
  Result<WorkersAnswer> workers(const ExecutionId& id, WorkerChange change, std::int64_t count) {
    return h_.await<WorkersAnswer>(
        [&](Reply<WorkersAnswer> reply) { h_.service->change_workers(id, change, count, std::move(reply)); });
  }
  Result<std::vector<Json>> errors(const std::optional<ExecutionId>& id, const RecordQuery& query = {}) {
    auto answer = h_.start<std::vector<Json>>(
        [&](Reply<std::vector<Json>> reply) { h_.service->errors(id, query, std::move(reply)); });
    h_.loop.run_ready();
    return answer->value_or(Error{ErrorCode::internal, "no answer"});
  }
  Result<Json> remove_job(const JobId& id) {
    const auto deleted =
        h_.await<ShownDocument>([&](Reply<ShownDocument> reply) { h_.service->delete_job(id, std::move(reply)); });
    return deleted ? whole_document(*deleted) : Result<Json>(deleted.error());
  }
  auto remove(const ExecutionId& id) {
    auto answer = h_.start<Json>([&](Reply<Json> reply) { h_.service->remove_execution(id, std::move(reply)); });
    h_.loop.run_ready();
    return answer;
  }
  Result<Submitted> recover(const ExecutionId& id) {
    return h_.await<Submitted>([&](Reply<Submitted> reply) { h_.service->recover(id, {}, std::move(reply)); });
  }
  // An ended execution whose ledger was noted: without one, as no real controller made it.
  ExecutionId ended_with_ledger(bool with_directory) {
    const auto submitted = h_.submit(MasterHarness::job(1));
    note_ledger(submitted.ex_id);
    if (with_directory) make_ledger(submitted.ex_id);
    h_.finish(submitted.ex_id, "stopped", true);
    return submitted.ex_id;
  }
  // A controller runs and tells of its ledger.
  void note_ledger(const ExecutionId& id) {
    const auto controller = h_.run(id);
    controller->ledger_made();
    h_.loop.run_ready();
    EXPECT_TRUE((*h_.registry->execution(id))->has_ledger);
  }
  void make_ledger(const ExecutionId& id) {
    const auto ledger = create_ledger(h_.loop, h_.layout.ledger_directory(id.text), {id.text, "{}", 1});
    ASSERT_TRUE(ledger) << ledger.error().message;
  }
  Result<Submitted> start_job(const JobId& id) {
    return h_.await<Submitted>([&](Reply<Submitted> reply) { h_.service->start_job(id, {}, std::move(reply)); });
  }

  MasterHarness h_;
};

}  // namespace slicemill::master
