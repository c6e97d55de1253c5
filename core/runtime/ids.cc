#include "core/runtime/ids.h"

#include <unistd.h>

#include <array>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/random_generator.hpp>
#include <boost/uuid/string_generator.hpp>
#include <boost/uuid/uuid_io.hpp>

#include <cstring>

#include <fmt/core.h>

#include "core/runtime/loop.h"

namespace slicemill {

std::string random_uuid() {
  return to_string(boost::uuids::random_generator()());
}

std::string random_uuid(Loop& loop) {
  boost::uuids::uuid uuid;
  for (const std::size_t half : {0, 8}) {
    const std::uint64_t bits = loop.random();
    std::memcpy(uuid.data + half, &bits, sizeof(bits));
  }
  uuid.data[6] = static_cast<std::uint8_t>((uuid.data[6] & 0x0F) | 0x40);  // version 4
  uuid.data[8] = static_cast<std::uint8_t>((uuid.data[8] & 0x3F) | 0x80);  // RFC 4122
  return to_string(uuid);
}

std::string derived_uuid(std::string_view name_space, std::string_view name) {
  // The name space is any text, so it is turned into a UUID first.
  static const boost::uuids::name_generator_sha1 root(boost::uuids::ns::oid());
  const boost::uuids::name_generator_sha1 inner(root(name_space.data(), name_space.size()));
  return to_string(inner(name.data(), name.size()));
}

WorkerId new_worker_id(Loop& loop) {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return WorkerId(fmt::format("{}__{}", host.data(), random_uuid(loop).substr(0, 8)));
}

}  // namespace slicemill
