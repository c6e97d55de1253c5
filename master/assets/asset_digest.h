// The id of a bundle: SHA-1, in hex, of the base64 text of its zip. Existing clients and jobs name bundles by it.
//
// Fed piece by piece, so a bundle never lies in memory. One thread at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/runtime/result.h"

namespace slicemill::master {

class AssetDigest {
 public:
  AssetDigest();
  ~AssetDigest();
  AssetDigest(const AssetDigest&) = delete;
  AssetDigest& operator=(const AssetDigest&) = delete;

  void add(std::string_view bytes);
  // Ends the text. Call once.
  std::string finish();

 private:
  void add_encoded(std::string_view bytes);

  struct Context;
  std::unique_ptr<Context> context_;
  std::string tail_;     // up to two bytes that do not fill a group of the encoding yet
  std::string encoded_;  // scratch
};

// Blocks: for an executor, not for the loop thread.
Result<std::string> digest_of_file(const std::string& path);

}  // namespace slicemill::master
