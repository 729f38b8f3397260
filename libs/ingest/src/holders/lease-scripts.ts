/** Whose the lease KEYS[1] is after it was claimed by ARGV[1] for ARGV[2] milliseconds. */
export const CLAIM = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]`;

/** Renews the leases KEYS of ARGV[1] by ARGV[2] milliseconds. Returns the positions (from 1) of those that are no longer its own. */
export const RENEW = `
local lost = {}
for position, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then
    redis.call('PEXPIRE', key, ARGV[2])
  else
    lost[#lost + 1] = position
  end
end
return lost`;

/** Removes those of the leases KEYS that are ARGV[1]'s. */
export const RELEASE_OWN = `
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
end
return #KEYS`;
