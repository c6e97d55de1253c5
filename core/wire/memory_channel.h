// Channels within one process and one loop: what `slicemill run` uses between controller and workers. Loop thread only.
#pragma once

#include <memory>

#include "core/runtime/loop.h"
#include "core/wire/channel.h"

namespace slicemill {

// One server side and any number of client sides. Frames are delivered by Loop::post, so a send never re-enters its
// caller.
class MemoryHub {
 public:
  explicit MemoryHub(Loop& loop);
  ~MemoryHub();

  std::unique_ptr<ServerChannel> server();  // once
  std::unique_ptr<ClientChannel> client();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace slicemill
