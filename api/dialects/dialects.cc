#include "api/dialects/dialects.h"

#include <array>
#include <string>

#include "api/dialects/amp/amp_routes.h"
#include "api/dialects/teraslice/teraslice_config.h"
#include "api/dialects/teraslice/teraslice_routes.h"

namespace slicemill::api {
namespace {

// Its paths bear no other prefix: its clients know no other place.
Dialect teraslice_routes(const DialectServices& services, std::string_view) {
  return teraslice::dialect(services.jobs, services.assets);
}

Dialect amp_routes(const DialectServices& services, std::string_view prefix) {
  return amp::dialect(services.jobs, services.views, std::string(prefix));
}

constexpr std::array kDialects = {
    DialectEntry{"teraslice", "", teraslice_routes},
    DialectEntry{"amp", "/amp", amp_routes},
};

}  // namespace

std::span<const DialectEntry> dialects() {
  return kDialects;
}

const DialectEntry* find_dialect(std::string_view name) {
  for (const DialectEntry& entry : kDialects)
    if (entry.name == name) return &entry;
  return nullptr;
}

const ForeignConfig& foreign_config() {
  return teraslice::foreign_config();
}

}  // namespace slicemill::api
