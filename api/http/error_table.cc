#include "api/http/error_table.h"

namespace slicemill::api {

int ErrorTable::status(const Error& error) const {
  for (const SpecialStatus& special : specials)
    if (special.code == error.code && error.message.starts_with(special.begins) &&
        error.message.ends_with(special.ends))
      return special.status;
  return statuses[static_cast<std::size_t>(error.code)].second;
}

}  // namespace slicemill::api
