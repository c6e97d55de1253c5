// Compresses a stream into one member or frame. Members stand alone, so files made of several of them, one behind the
// other, are whole files of that compression. One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/formats/record_format.h"
#include "core/runtime/result.h"

namespace slicemill {

class Compressor {
 public:
  virtual ~Compressor() = default;
  // Appends to out what is ready; may hold some back.
  virtual Result<void> append(std::string_view bytes, std::string& out) = 0;
  // Ends the member. The compressor is spent.
  virtual Result<void> finish(std::string& out) = 0;
};

// `none` passes bytes through.
Result<std::unique_ptr<Compressor>> make_compressor(Compression compression);

}  // namespace slicemill
