#include "api/dialects/teraslice/response_cache.h"

namespace slicemill::api::teraslice {

const Response* ResponseCache::find(const std::string& target, std::uint64_t revision) const {
  if (revision != revision_) return nullptr;
  const auto found = by_target_.find(target);
  return found == by_target_.end() ? nullptr : &found->second;
}

void ResponseCache::keep(const std::string& target, std::uint64_t revision, const Response& response) {
  const std::size_t size = target.size() + response.body.size();
  if (size > kMostBytes) return;
  if (revision != revision_ || bytes_ + size > kMostBytes) {
    by_target_.clear();
    bytes_ = 0;
    revision_ = revision;
  }
  if (by_target_.insert_or_assign(target, response).second) bytes_ += size;
}

}  // namespace slicemill::api::teraslice
