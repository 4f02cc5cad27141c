package nodes

// Bucket names a bucket in Redis.
var Bucket = bucket
