// Work on documents of clients: at once while they are small, beside the loop once they are large, so that a large one
// keeps nobody waiting.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/runtime/loop.h"

namespace slicemill::master {

// Calls done with what work gave, on the loop thread. What work uses must outlive it; done is called even if its owner
// is gone, so it looks whether that is there.
template <typename Work, typename Done>
void work_on_document(Loop& loop, bool is_large, Work work, Done done) {
  if (!is_large) return done(work());
  auto value = std::make_shared<std::optional<std::invoke_result_t<Work>>>();
  loop.offload(
      Loop::Executor::documents, [value, work = std::move(work)]() mutable { value->emplace(work()); },
      [value, done = std::move(done)]() mutable { done(std::move(**value)); });
}

}  // namespace slicemill::master
