package shm

// ByPieces is how a file is allocated while signals interrupt the call.
var ByPieces = byPieces
