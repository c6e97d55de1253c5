// Submissions with an idempotency key: a client that repeats one, because it heard no answer, gets the job that the
// first one made. One key, one job, however many ask at the same time; durable with the job, and gone with it.
//
// Owner: MasterService; loop thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/model/commands.h"
#include "core/runtime/loop.h"
#include "master/registry/registry.h"

namespace slicemill::master {

// Of what was posted: the same for the same members in any order. 64 hex digits. Any thread.
std::string fingerprint_of(const Json& posted, bool start);

class KeyedSubmissions {
 public:
  // Makes a job that is written together with its key.
  using Make = std::function<void(Json posted, bool start, SubmissionRow submission, Reply<Submitted> reply)>;

  KeyedSubmissions(Loop& loop, Registry& registry, Make make);

  // conflict: the key stands for another job. One that is under way is waited for.
  void submit(Json posted, SubmitRequest request, Reply<Submitted> reply);

 private:
  struct Waiting {
    Json posted;
    bool start = true;
    std::string fingerprint;
    Reply<Submitted> reply;
  };

  void enter(const std::string& key, Waiting waiting);
  void serve_next(const std::string& key);
  void served(const std::string& key, const Reply<Submitted>& reply, const Result<Submitted>& result);

  Loop& loop_;
  Registry& registry_;
  Make make_;
  std::map<std::string, std::deque<Waiting>> under_way_;  // by key; the first of each is being served
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace slicemill::master
