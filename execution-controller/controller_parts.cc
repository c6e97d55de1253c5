#include "execution-controller/controller_parts.h"

namespace slicemill::controller {

ProcessIdentity identity_of(const ControllerParts& parts) {
  if (parts.self) return *parts.self;
  const auto own = own_process();
  return own ? *own : ProcessIdentity();
}

}  // namespace slicemill::controller
