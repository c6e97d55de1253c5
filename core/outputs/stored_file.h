// Reading stored files from end to end: are they the ones that the ledger knows, and copying them on. Blocking; any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/model/output_facts.h"
#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill {

struct StoredFile {
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;  // XXH3-64
  bool is_what(const OutputFacts& facts) const { return bytes == facts.bytes && checksum == facts.checksum; }
};

// Reads the whole file; `each` gets its bytes in order, if given. not_found: there is none.
Result<StoredFile> read_stored_file(Files& files, const std::string& path,
                                    const std::function<Result<void>(std::string_view)>& each = nullptr);

// Whether the file is the one of the facts; a wrong size is found without reading. not_found: there is none.
Result<bool> is_stored_file(Files& files, const std::string& path, const OutputFacts& facts);

}  // namespace slicemill
