// Joins the parts of a single_file output at the end of an execution: written and synced, `joined` synced, renamed,
// `published` in the ledger. Loop thread; files are touched on the publish lane.
#pragma once

#include <functional>
#include <memory>

#include "core/ledger/slice_ledger.h"
#include "core/outputs/output_publisher.h"
#include "core/runtime/loop.h"
#include "execution-controller/ledger_writer.h"

namespace slicemill::controller {

class OutputJoin {
 public:
  struct Hooks {
    std::function<void(Result<void>)> on_done;   // once; on success `published` is in the batch being gathered
    std::function<void(const Error&)> on_fatal;  // nothing can be recorded any more
  };

  OutputJoin(Loop& loop, SliceLedger& ledger, LedgerWriter& writer, OutputPublisher& publisher, Hooks hooks);

  // Goes on where an earlier controller or execution left it. Only the first call counts.
  void begin();

 private:
  void join();
  void publish(const OutputFacts& facts);

  Loop& loop_;
  SliceLedger& ledger_;
  LedgerWriter& writer_;
  OutputPublisher& publisher_;
  Hooks hooks_;
  bool begun_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slicemill::controller
