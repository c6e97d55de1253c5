#include "execution-controller/settlement/decided_group.h"

#include <utility>

#include "core/runtime/fault.h"

namespace slicemill::controller {

void DecidedGroup::add_failed() {
  Group& group = present();
  ++group.settled;
  ++group.failed;
}

DecidedGroup::Group& DecidedGroup::present() {
  writer_.batch();
  if (group_ && group_->batch == writer_.serial()) return *group_;
  group_ = std::make_shared<Group>();
  group_->batch = writer_.serial();
  writer_.after_sync([this, group = group_] { durable(*group); });
  return *group_;
}

void DecidedGroup::durable(Group& group) {
  if (!group.committed.empty()) {
    if (!fault("committed")) {
      hooks_.on_fatal(Error(ErrorCode::io, "fault point committed fired"));
      return;
    }
    hooks_.on_committed(std::move(group.committed));
  }
  if (group.settled > 0) {
    if (!fault("done")) {
      hooks_.on_fatal(Error(ErrorCode::io, "fault point done fired"));
      return;
    }
    hooks_.on_settled(group.settled, group.failed);
  }
  hooks_.on_change();
}

}  // namespace slicemill::controller
