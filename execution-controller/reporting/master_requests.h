// What a master asks of a controller: verbs and questions. Each is answered once under its number, and again if the
// master asks again under the same one; lists are read on the query executor. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/ledger/slice_ledger.h"
#include "core/model/execution.h"
#include "core/runtime/json.h"
#include "core/runtime/loop.h"
#include "core/wire/messages.h"

namespace slicemill::controller {

class MasterRequests {
 public:
  using Done = std::function<void(Result<ExecutionStatus>)>;
  struct Hooks {
    std::function<void(Done)> pause;
    std::function<void(Done)> resume;
    std::function<void(std::optional<std::int64_t> deadline_ms, Done)> stop;
    std::function<std::string()> stats;
    std::function<void(wire::Answer)> answer;
  };

  MasterRequests(Loop& loop, const SliceLedger& ledger, Hooks hooks);

  void on_verb(const wire::Verb& verb);
  void on_query(const wire::Query& query);

 private:
  // False: it is under way, or was answered, and is answered again.
  bool is_new(std::uint64_t id);
  void answer(wire::Answer answer);
  // Reads `read`'s list on the query executor and answers with it.
  void answer_list(std::uint64_t request_id, std::function<Result<Json>(const SliceLedger&)> read);

  Loop& loop_;
  const SliceLedger& ledger_;
  const Hooks hooks_;
  std::map<std::uint64_t, std::optional<wire::Answer>> requests_;  // the latest; without an answer: under way
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
