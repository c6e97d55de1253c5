#include "connectors/postgres/libpq.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace slicemill::postgres {
namespace {

constexpr const char* kLibrary = "libpq.so.5";

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

// It stays loaded: its connections, and what its libraries register, live as long as the process.
Result<Libpq> load() {
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return Error(ErrorCode::unsupported,
                 fmt::format("PostgreSQL connections need {} (package libpq5): {}", kLibrary, dlerror()), false);
  Libpq functions;
#define SLICEMILL_LIBPQ_FIND(name)           \
  if (!find(library, #name, functions.name)) \
    return Error(ErrorCode::unsupported, fmt::format("{} has no {}", kLibrary, #name), false);
  SLICEMILL_LIBPQ_FUNCTIONS(SLICEMILL_LIBPQ_FIND)
#undef SLICEMILL_LIBPQ_FIND
  return functions;
}

}  // namespace

Result<const Libpq*> load_libpq() {
  static const Result<Libpq> loaded = load();
  if (!loaded) return loaded.error();
  return &*loaded;
}

}  // namespace slicemill::postgres
