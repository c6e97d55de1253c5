#include "core/runtime/ids.h"

#include <unistd.h>

#include <array>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/string_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include <fmt/core.h>

namespace slicemill {

std::string random_uuid() {
  return to_string(boost::uuids::random_generator()());
}

std::string derived_uuid(std::string_view name_space, std::string_view name) {
  // The name space is any text, so it is turned into a UUID first.
  static const boost::uuids::name_generator_sha1 root(boost::uuids::ns::oid());
  const boost::uuids::name_generator_sha1 inner(root(name_space.data(), name_space.size()));
  return to_string(inner(name.data(), name.size()));
}

WorkerId new_worker_id() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return WorkerId(fmt::format("{}__{}", host.data(), random_uuid().substr(0, 8)));
}

}  // namespace slicemill
