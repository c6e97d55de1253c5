#include "master/assets/asset_digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "core/runtime/files.h"

namespace slicemill::master {

namespace {

constexpr std::size_t kGroup = 3;              // bytes that become four characters
constexpr std::size_t kChunk = 48 << 10;       // bytes encoded at a time; a multiple of kGroup
constexpr std::size_t kFileBytes = 256 << 10;  // of a file, read at a time

}  // namespace

struct AssetDigest::Context {
  EVP_MD_CTX* sha1 = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(sha1); }
};

AssetDigest::AssetDigest() : context_(std::make_unique<Context>()) {
  if (context_->sha1 == nullptr || EVP_DigestInit_ex(context_->sha1, EVP_sha1(), nullptr) != 1) std::abort();
}

AssetDigest::~AssetDigest() = default;

void AssetDigest::add_encoded(std::string_view bytes) {
  encoded_.resize((bytes.size() + kGroup - 1) / kGroup * 4 + 1);
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded_.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  EVP_DigestUpdate(context_->sha1, encoded_.data(), static_cast<std::size_t>(length));
}

void AssetDigest::add(std::string_view bytes) {
  if (!tail_.empty()) {
    const std::size_t missing = kGroup - tail_.size();
    tail_ += bytes.substr(0, missing);
    bytes.remove_prefix(std::min(missing, bytes.size()));
    if (tail_.size() < kGroup) return;
    add_encoded(tail_);
    tail_.clear();
  }
  while (bytes.size() >= kGroup) {
    const std::size_t size = std::min(kChunk, bytes.size() - bytes.size() % kGroup);
    add_encoded(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  tail_ = bytes;
}

std::string AssetDigest::finish() {
  if (!tail_.empty()) add_encoded(tail_);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->sha1, digest.data(), &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

Result<std::string> digest_of_file(const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, posix_files().open(path));
  AssetDigest digest;
  std::string buffer(kFileBytes, '\0');
  for (std::uint64_t offset = 0;;) {
    ASSIGN_OR_RETURN(const std::size_t got, file->read_at(offset, buffer));
    if (got == 0) return digest.finish();
    digest.add(std::string_view(buffer).substr(0, got));
    offset += got;
  }
}

}  // namespace slicemill::master
