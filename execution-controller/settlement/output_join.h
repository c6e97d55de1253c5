// Joins the parts of a single_file output at the end of an execution: written and synced, `joined` synced, renamed,
// `published` in the ledger. Loop thread; files are touched on the publish executor.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "core/ledger/slice_ledger.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "execution-controller/settlement/ledger_writer.h"

namespace slicemill::controller {

class OutputJoin {
 public:
  struct Hooks {
    std::function<void(Result<void>)> on_done;      // once; on success `published` is in the batch being gathered
    std::function<void(const Error&)> on_obstacle;  // not now: begin() goes on when that is over
    std::function<void(const Error&)> on_fatal;     // nothing can be recorded any more
  };

  OutputJoin(Loop& loop, SliceLedger& ledger, LedgerWriter& writer, OutputPublisher& publisher, Hooks hooks);

  // Goes on where an earlier controller or execution, or an obstacle, left it. Nothing if it is under way.
  void begin();

 private:
  void join();
  void publish(const OutputFacts& facts);
  void failed(const Error& error, std::string_view what);

  Loop& loop_;
  SliceLedger& ledger_;
  LedgerWriter& writer_;
  OutputPublisher& publisher_;
  Hooks hooks_;
  bool begun_ = false;
  std::optional<OutputFacts> joined_;  // synced
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
